// Rows of bars: medians with their intervals.
//
// See report.go for an overview.

package main

import (
	"html/template"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// bar is one row: a median with an interval.
type bar struct {
	label       string
	mid, lo, hi float64
	group       string // bars of one group have one colour
}

// An interval has no end where there were too few samples.
func (b bar) hasInterval() bool { return b.lo > 0 && b.hi > b.lo && !math.IsInf(b.hi, 0) }

// chart is how rows are drawn.
type chart struct {
	unit   string
	groups []string // they have the first colours, present or not
	points bool     // always, and not only when rows lie far apart
	at     float64  // a line to compare with; 0 is none
}

// bars draws rows of bars, the first on top. When they lie too far apart to be
// compared by length they become points on a logarithmic axis.
func bars(rows []bar, unit string) (template.HTML, error) { return chart{unit: unit}.draw(rows) }

func (k chart) draw(rows []bar) (template.HTML, error) {
	p := newPlot()
	least, most := k.extent(rows)
	points := k.points || most > 40*least && least > 0
	if points {
		logAxis(&p.X, least, most, k.unit)
	} else {
		p.X.Min, p.X.Max = 0, most*1.12
		p.X.Tick.Marker = scaledTicks{plot.DefaultTicks{}, k.unit}
	}
	style := p.Y.Tick.Label
	// Names that would take the room of the bars stand above them.
	widest := vg.Length(0)
	var names []string
	for i := len(rows) - 1; i >= 0; i-- { // the axis goes up
		names = append(names, rows[i].label)
		widest = max(widest, style.Width(rows[i].label))
	}
	above := widest > pictureWidth*2/5
	height := rowHeight
	if above {
		height = rowHeight * 7 / 4
		p.HideY()
	} else {
		p.NominalY(names...)
		p.Y.Tick.LineStyle.Width = 0
	}
	p.Y.Min, p.Y.Max = -0.5, float64(len(rows))-0.5
	grid := plotter.NewGrid()
	grid.Horizontal.Width = 0
	grid.Vertical.Color = color.Gray{0xdd}
	p.Add(grid, rowPlotter{rows, k.colours(rows), points, above, k, style})
	return render(p, vg.Length(height*len(rows)+40), nil)
}

// extent is the least and the most that has to have a place.
func (k chart) extent(rows []bar) (least, most float64) {
	least, most = math.Inf(1), 0
	for _, r := range rows {
		least, most = min(least, r.mid), max(most, r.mid)
		if r.hasInterval() {
			most = max(most, r.hi)
		}
	}
	if k.at > 0 {
		least, most = min(least, k.at), max(most, k.at)
	}
	return least, most
}

// colours gives each group its colour.
func (k chart) colours(rows []bar) map[string]color.Color {
	colours := map[string]color.Color{}
	for _, g := range k.groups {
		colours[g] = palette[len(colours)%len(palette)]
	}
	for _, r := range rows {
		if colours[r.group] == nil {
			colours[r.group] = palette[len(colours)%len(palette)]
		}
	}
	return colours
}

// rowPlotter draws bars or points, their intervals and their values.
type rowPlotter struct {
	rows    []bar
	colours map[string]color.Color
	points  bool
	above   bool // names stand above the rows
	chart   chart
	style   text.Style
}

func (r rowPlotter) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, b := range r.rows {
		at := y(float64(len(r.rows) - 1 - i))
		if r.above {
			style := r.style
			style.XAlign, style.YAlign = text.XLeft, text.YBottom
			c.FillText(style, vg.Point{X: c.Min.X, Y: at + 1.5}, b.label)
			at -= rowHeight * 0.4
		}
		if one := r.chart.at; one > 0 { // beside the rows, and not through their names
			c.StrokeLine2(draw.LineStyle{Color: dark, Width: 0.8}, x(one), at-rowHeight*0.4, x(one), at+rowHeight*0.4)
		}
		r.row(&c, p, b, at)
	}
}

// row draws one row at a height.
func (r rowPlotter) row(c *draw.Canvas, p *plot.Plot, b bar, at vg.Length) {
	const thick = rowHeight * 0.32
	x, _ := p.Transforms(c)
	colour := r.colours[b.group]
	left, right := x(p.X.Min), x(min(b.mid, p.X.Max))
	if r.points {
		left = right - 5
		c.DrawGlyph(draw.GlyphStyle{Color: colour, Radius: 4, Shape: draw.CircleGlyph{}}, vg.Point{X: right, Y: at})
	} else {
		c.FillPolygon(colour, []vg.Point{{X: left, Y: at - thick}, {X: right, Y: at - thick}, {X: right, Y: at + thick}, {X: left, Y: at + thick}})
	}
	end := right
	if b.hasInterval() {
		line := draw.LineStyle{Color: dark, Width: 0.8}
		lo, hi := x(max(b.lo, p.X.Min)), x(min(b.hi, p.X.Max))
		c.StrokeLine2(line, lo, at, hi, at)
		c.StrokeLine2(line, lo, at-2, lo, at+2)
		c.StrokeLine2(line, hi, at-2, hi, at+2)
		left, end = min(left, lo), max(end, hi)
	}
	value := scaled(b.mid, r.chart.unit)
	style := r.style
	style.XAlign, style.YAlign = text.XLeft, text.YCenter
	where := vg.Point{X: end + 6, Y: at + 1.5}              // the middle of digits is above that of letters
	if wide := style.Width(value); where.X+wide > c.Max.X { // no room behind it
		switch {
		case left-6-wide > c.Min.X:
			where.X = left - 6 - wide
		default: // inside the bar, and before its interval
			if b.hasInterval() {
				right = min(right, x(max(b.lo, p.X.Min)))
			}
			where.X = max(c.Min.X, right-6-wide)
			style.Color = color.White
		}
	}
	c.FillText(style, where, value)
}
