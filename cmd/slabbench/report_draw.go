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

// Sizes. A picture is as wide as a column of text and is scaled by the browser: on
// a telephone its letters are a little smaller than those around it, on a desk a
// little larger.
const (
	pictureWidth = 5.4 * vg.Inch
	curveHeight  = 3.2 * vg.Inch
	rowHeight    = 16
	textSize     = 10
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
	return p
}

// render draws a plot, below a legend if there is one.
func render(p *plot.Plot, height vg.Length, l legend) (template.HTML, error) {
	top := l.height(p.Y.Tick.Label)
	c := vgsvg.New(pictureWidth, height+top)
	all := draw.New(c)
	p.Draw(draw.Crop(all, 6, -6, 0, -top)) // room for half of the first and the last tick's labels
	l.draw(all, p.Y.Tick.Label)
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

// legend names the curves of a picture, above it and never over it.
type legend []legendEntry

type legendEntry struct {
	name string
	line draw.LineStyle
}

const (
	legendRow  = 15
	legendLine = 18 // length of the sample
)

// place calls put for each entry with its place: from left to right, in as many rows
// as it takes. It returns the number of rows.
func (l legend) place(style text.Style, put func(legendEntry, vg.Length, int)) int {
	x, row := vg.Length(0), 0
	for _, e := range l {
		wide := legendLine + 4 + style.Width(e.name)
		if x > 0 && x+wide > pictureWidth {
			x, row = 0, row+1
		}
		put(e, x, row)
		x += wide + 14
	}
	return row + 1
}

func (l legend) height(style text.Style) vg.Length {
	if len(l) == 0 {
		return 0
	}
	return vg.Length(l.place(style, func(legendEntry, vg.Length, int) {})*legendRow + 6)
}

func (l legend) draw(c draw.Canvas, style text.Style) {
	style.XAlign, style.YAlign = text.XLeft, text.YCenter
	l.place(style, func(e legendEntry, x vg.Length, row int) {
		y := c.Max.Y - legendRow*(vg.Length(row)+0.5)
		c.StrokeLine2(e.line, x, y, x+legendLine, y)
		c.FillText(style, vg.Point{X: x + legendLine + 4, Y: y + 1}, e.name)
	})
}

// logAxis makes an axis logarithmic over whole decades around its data.
func logAxis(a *plot.Axis, min, max float64, unit string) {
	a.Scale = plot.LogScale{}
	a.Min, a.Max = math.Pow10(int(math.Floor(math.Log10(min)))), math.Pow10(int(math.Ceil(math.Log10(max*1.0001))))
	a.Tick.Marker = scaledTicks{plot.LogTicks{Prec: -1}, unit}
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
	var names legend
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
		if i >= len(palette) { // the same colours again, told apart
			line.Dashes = []vg.Length{6, 2}
		}
		dots.Color, dots.Radius, dots.Shape = line.Color, 2.5, draw.CircleGlyph{}
		if c.thin {
			line.Color, line.Width, line.Dashes = dark, 0.8, []vg.Length{3, 3}
			dots.Radius = 0
		}
		p.Add(line)
		if points {
			p.Add(dots)
		}
		names = append(names, legendEntry{c.name, line.LineStyle})
	}
	return render(p, curveHeight, names)
}
