// Drawing: what all pictures share, and the two shapes that they have, rows of
// bars and curves.
//
// See report.go for an overview.

package main

import (
	"bytes"
	"html/template"
	"image/color"
	"math"
	"strconv"

	"golang.org/x/perf/benchunit"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// picture is one drawing, by a name that is fit for a file.
type picture struct {
	Name  string
	Title string
	Note  string // how to read it
	SVG   template.HTML
}

// Sizes. A picture is as wide as a column of text and is scaled by the browser.
const (
	pictureWidth = 7.2 * vg.Inch
	curveHeight  = 3.6 * vg.Inch
	rowHeight    = 15
	textSize     = 9
)

// palette is told apart with colour-blind eyes too (Okabe and Ito).
var palette = []color.Color{
	color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	color.RGBA{0x00, 0x9e, 0x73, 0xff}, color.RGBA{0xcc, 0x79, 0xa7, 0xff},
	color.RGBA{0x56, 0xb4, 0xe9, 0xff}, color.RGBA{0xd5, 0x5e, 0x00, 0xff},
	color.RGBA{0x70, 0x70, 0x70, 0xff}, color.RGBA{0xb0, 0xa0, 0x20, 0xff},
}

var dark = color.RGBA{0x33, 0x33, 0x33, 0xff}

// newPlot makes a plot in the report's style.
func newPlot() *plot.Plot {
	p := plot.New()
	style := func(s *text.Style) {
		s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: textSize}
		s.Color = dark
	}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		style(&a.Label.TextStyle)
		style(&a.Tick.Label)
		a.LineStyle.Color = dark
		a.Tick.LineStyle.Color = dark
	}
	style(&p.Legend.TextStyle)
	p.Legend.Top = true
	p.Legend.Left = true
	p.Legend.Padding = 3
	p.Legend.ThumbnailWidth = 18
	return p
}

// render draws a plot.
func render(p *plot.Plot, height vg.Length) (template.HTML, error) {
	c := vgsvg.New(pictureWidth, height)
	p.Draw(draw.New(c))
	var buf bytes.Buffer
	if _, err := c.WriteTo(&buf); err != nil {
		return "", err
	}
	// The declaration of XML has no place inside a page.
	svg := buf.Bytes()
	if i := bytes.Index(svg, []byte("<svg")); i > 0 {
		svg = svg[i:]
	}
	return template.HTML(svg), nil
}

// scaledTicks labels an axis with prefixes: 1ns, 10ns, 1µs; 64KiB.
type scaledTicks struct {
	inner plot.Ticker
	unit  string
}

func (t scaledTicks) Ticks(min, max float64) []plot.Tick {
	ticks := t.inner.Ticks(min, max)
	for i := range ticks {
		if !ticks[i].IsMinor() {
			ticks[i].Label = tickLabel(ticks[i].Value, t.unit)
		}
	}
	return ticks
}

// tickLabel is a round number without digits that say nothing.
func tickLabel(v float64, unit string) string {
	if v == 0 {
		return "0"
	}
	if unit == "times" { // a ratio has no prefix
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	class := benchunit.ClassOf(unit)
	s := benchunit.CommonScale([]float64{v}, class)
	s.Prec = 0
	for s.Prec < 3 && math.Abs(math.Round(v/s.Factor*math.Pow10(s.Prec))/math.Pow10(s.Prec)*s.Factor-v) > 1e-6*math.Abs(v) {
		s.Prec++
	}
	text := s.Format(v)
	switch {
	case unit == "sec" || unit == "sec/op":
		text += "s"
	case class == benchunit.Binary:
		text += "B"
	}
	return text
}

// byteTicks are at multiples of a power of two.
type byteTicks struct{}

func (byteTicks) Ticks(min, max float64) []plot.Tick {
	step := math.Pow(2, math.Ceil(math.Log2((max-min)/5)))
	var ticks []plot.Tick
	for v := math.Ceil(min/step) * step; v <= max; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: tickLabel(v, "B")})
	}
	return ticks
}

// logAxis makes an axis logarithmic over whole decades around its data.
func logAxis(a *plot.Axis, min, max float64, unit string) {
	a.Scale = plot.LogScale{}
	a.Min, a.Max = math.Pow10(int(math.Floor(math.Log10(min)))), math.Pow10(int(math.Ceil(math.Log10(max*1.0001))))
	a.Tick.Marker = scaledTicks{plot.LogTicks{Prec: -1}, unit}
}

// bar is one row: a median with an interval.
type bar struct {
	label       string
	mid, lo, hi float64
	group       string // bars of one group have one colour
}

// bars draws rows of bars, the first on top. When they lie too far apart to be
// compared by length they become points on a logarithmic axis.
func bars(rows []bar, unit string) (template.HTML, error) { return barsOf(rows, unit, nil) }

// barsOf is bars with groups that have the first colours, present or not.
func barsOf(rows []bar, unit string, groups []string) (template.HTML, error) {
	p := newPlot()
	var names []string
	colours := map[string]color.Color{}
	for i, g := range groups {
		colours[g] = palette[i%len(palette)]
	}
	for i := len(rows) - 1; i >= 0; i-- { // the axis goes up
		names = append(names, rows[i].label)
	}
	least, most := math.Inf(1), 0.0
	for _, r := range rows {
		least, most = min(least, r.mid), max(most, r.mid)
		if !math.IsInf(r.hi, 0) { // too few samples for an interval
			most = max(most, r.hi)
		}
		if colours[r.group] == nil {
			colours[r.group] = palette[len(groups)%len(palette)]
			groups = append(groups, r.group)
		}
	}
	p.NominalY(names...)
	p.Y.Tick.LineStyle.Width = 0
	p.Y.Min, p.Y.Max = -0.5, float64(len(rows))-0.5
	logarithmic := most > 40*least && least > 0
	if logarithmic {
		logAxis(&p.X, least, most, unit)
	} else {
		p.X.Min, p.X.Max = 0, most*1.12
		p.X.Tick.Marker = scaledTicks{plot.DefaultTicks{}, unit}
	}
	grid := plotter.NewGrid()
	grid.Horizontal.Width = 0
	grid.Vertical.Color = color.Gray{0xdd}
	p.Add(grid, rowPlotter{rows, colours, logarithmic, unit, p.Y.Tick.Label})
	return render(p, vg.Length(rowHeight*len(rows)+36))
}

// rowPlotter draws bars or points, their intervals and their values.
type rowPlotter struct {
	rows    []bar
	colours map[string]color.Color
	points  bool
	unit    string
	style   text.Style
}

func (r rowPlotter) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	thick := vg.Length(rowHeight) * 0.32
	for i, b := range r.rows {
		at := y(float64(len(r.rows) - 1 - i))
		colour := r.colours[b.group]
		right := x(min(b.mid, p.X.Max))
		if r.points {
			c.DrawGlyph(draw.GlyphStyle{Color: colour, Radius: 4, Shape: draw.CircleGlyph{}}, vg.Point{X: right, Y: at})
		} else {
			left := x(p.X.Min)
			c.FillPolygon(colour, []vg.Point{{X: left, Y: at - thick}, {X: right, Y: at - thick}, {X: right, Y: at + thick}, {X: left, Y: at + thick}})
		}
		if b.lo > 0 && b.hi > b.lo && !math.IsInf(b.hi, 0) {
			line := draw.LineStyle{Color: dark, Width: 0.8}
			lo, hi := x(max(b.lo, p.X.Min)), x(min(b.hi, p.X.Max))
			c.StrokeLine2(line, lo, at, hi, at)
			c.StrokeLine2(line, lo, at-2, lo, at+2)
			c.StrokeLine2(line, hi, at-2, hi, at+2)
			right = max(right, hi)
		}
		style := r.style
		style.XAlign, style.YAlign = text.XLeft, text.YCenter
		where := vg.Point{X: right + 6, Y: at}
		if where.X > c.Max.X-40 { // no room behind it
			left := b.mid
			if r.points && b.lo > 0 {
				left = b.lo
			}
			style.XAlign, where.X = text.XRight, x(max(min(left, p.X.Max), p.X.Min))-6
			if !r.points {
				style.Color = color.White
			}
		}
		c.FillText(style, where, scaled(b.mid, r.unit))
	}
}

// curve is one line of a picture.
type curve struct {
	name string
	xs   []float64
	ys   []float64
	thin bool // a yardstick and no figure of ours
}

// curves draws lines over one another. The caller has set up the axes.
func curves(p *plot.Plot, all []curve, points bool) (template.HTML, error) {
	p.Add(plotter.NewGrid())
	for i, c := range all {
		xys := make(plotter.XYs, len(c.xs))
		for j := range c.xs {
			xys[j] = plotter.XY{X: c.xs[j], Y: c.ys[j]}
		}
		line, dots, err := plotter.NewLinePoints(xys)
		if err != nil {
			return "", err
		}
		line.Color = palette[i%len(palette)]
		line.Width = 1.6
		dots.Color, dots.Radius, dots.Shape = line.Color, 2.5, draw.CircleGlyph{}
		if c.thin {
			line.Color, line.Width, line.Dashes = dark, 0.8, []vg.Length{3, 3}
			dots.Radius = 0
		}
		p.Add(line)
		if points {
			p.Add(dots)
		}
		p.Legend.Add(c.name, line)
	}
	return render(p, curveHeight)
}
