// The pictures of one scenario: times, latencies, memory over time.
//
// See report.go for an overview.

package main

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
)

const (
	mostRows   = 28 // of one picture
	mostCurves = 10
)

// barPictures are the times of a scenario, one picture for each shelf when one alone
// would be too long.
func barPictures(name, note string, cases []*measured) ([]picture, error) {
	var out []picture
	for _, group := range shelves(name, cases, mostRows/2) {
		for part := range slices.Chunk(group.cases, mostRows) {
			var rows []bar
			for _, m := range part {
				if s, ok := m.median("sec/op"); ok {
					rows = append(rows, bar{label(m, group.cases), s.Center, s.Lo, s.Hi, colourOf(m, group.cases)})
				}
			}
			if len(rows) == 0 {
				continue
			}
			svg, err := bars(rows, "sec/op")
			if err != nil {
				return nil, err
			}
			out = append(out, picture{fileName(name, "time", group.file, len(out)), group.title(name), note, svg})
		}
	}
	return out, nil
}

// nines are the quantiles that results carry, placed so that each nine takes the
// same room.
var nines = []struct{ name, text string }{
	{"p50", "50 %"}, {"p90", "90 %"}, {"p99", "99 %"}, {"p99.9", "99.9 %"}, {"p99.99", "99.99 %"},
}

// latencyPictures draw how late the late ones are.
func latencyPictures(name string, cases []*measured) ([]picture, error) {
	var timed []*measured
	for _, m := range cases {
		if len(latencies(m).xs) > 1 {
			timed = append(timed, m)
		}
	}
	var out []picture
	for _, group := range shelves(name, timed, mostCurves) {
		for part := range slices.Chunk(group.cases, mostCurves) {
			svg, err := latencyPicture(part, group.cases)
			if err != nil {
				return nil, err
			}
			out = append(out, picture{fileName(name, "latency", group.file, len(out)), group.title(name) + ": latency",
				"Each step to the right leaves out nine tenths of what was left. Lower is better.", svg})
		}
	}
	return out, nil
}

// latencies is the curve of one case.
func latencies(m *measured) (c curve) {
	for i, q := range nines {
		for _, unit := range []string{q.name + "-sec", q.name + "-latency-sec"} {
			if s, ok := m.median(unit); ok && s.Center > 0 {
				c.xs, c.ys = append(c.xs, float64(i)), append(c.ys, s.Center)
			}
		}
	}
	return c
}

func latencyPicture(cases, among []*measured) (template.HTML, error) {
	var all []curve
	least, most := math.Inf(1), 0.0
	for _, m := range cases {
		c := latencies(m)
		c.name = label(m, among)
		least, most = min(least, slices.Min(c.ys)), max(most, slices.Max(c.ys))
		all = append(all, c)
	}
	p := newPlot()
	var ticks plot.ConstantTicks
	for i, q := range nines {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: q.text})
	}
	p.X.Tick.Marker = ticks
	p.X.Min, p.X.Max = 0, float64(len(nines)-1)
	p.X.Label.Text = "share of the operations that took no longer"
	logAxis(&p.Y, least, most, "sec")
	return curves(p, all, true)
}

// colourPicture draws the chase over the number of slabs.
func colourPicture(cases []*measured) ([]picture, error) {
	byColours := map[string]*curve{}
	var order []string
	most := 0.0
	for _, m := range cases {
		var slabs float64
		var colours int
		fmt.Sscan(m.key("slabs"), &slabs)
		fmt.Sscan(m.key("colours"), &colours)
		s, ok := m.median("sec/op")
		if !ok || slabs == 0 {
			continue
		}
		k := plural(colours, "colour")
		if byColours[k] == nil {
			byColours[k] = &curve{name: k}
			order = append(order, k)
		}
		c := byColours[k]
		c.xs, c.ys = append(c.xs, math.Log2(slabs)), append(c.ys, s.Center)
		most = max(most, s.Center)
	}
	var all []curve
	for _, k := range order {
		all = append(all, *byColours[k])
	}
	p := newPlot()
	p.X.Label.Text = "slabs"
	var ticks plot.ConstantTicks
	for e := 2; e <= 12; e++ {
		ticks = append(ticks, plot.Tick{Value: float64(e), Label: fmt.Sprint(1 << e)})
	}
	p.X.Tick.Marker = ticks
	p.Y.Min, p.Y.Max = 0, most*1.1
	p.Y.Tick.Marker = scaledTicks{plot.DefaultTicks{}, "sec"}
	svg, err := curves(p, all, true)
	return []picture{{"colour", "Colour: a step from slab to slab", "Where the line leaves the ground the first objects no longer fit the sets of the processor's cache that they fall into. Lower is better.", svg}}, err
}

// moving are the scenarios whose memory comes and goes, which is what they are
// about. The time lines of others are flat.
var moving = []string{"GrowShrink", "Churn", "StalledReader", "SpikeIdle", "Oblique"}

// timePictures draws the time lines of a scenario's cases, the first run of each.
func (d *dataset) timePictures(name string) ([]picture, error) {
	var out []picture
	for _, t := range d.lines {
		scenario, _, _ := strings.Cut(t.name, "/")
		if scenario != name || !slices.Contains(moving, name) || t.run != "1" || len(t.seconds) < 2 {
			continue
		}
		var all []curve
		most := 0.0
		for _, c := range []struct{ column, text string }{
			{"live-B", "live slabs"}, {"limbo-B", "in limbo"}, {"free-B", "free pages"}, {"resident-B", "resident"},
		} {
			if c.column == "resident-B" && t.swing(c.column) > 0 && slices.Max(t.columns[c.column]) > 8*most && most > 0 {
				continue // the process beside it would press the others to the ground
			}
			if t.swing(c.column) > 0 {
				ys := t.columns[c.column]
				all = append(all, curve{name: c.text, xs: t.seconds, ys: ys})
				most = max(most, slices.Max(ys))
			}
		}
		if len(all) == 0 {
			continue
		}
		p := newPlot()
		p.X.Label.Text = "seconds"
		p.Y.Min, p.Y.Max = 0, most*1.25
		p.Y.Tick.Marker = byteTicks{}
		svg, err := curves(p, all, false)
		if err != nil {
			return nil, err
		}
		out = append(out, picture{fileName(name, "memory", "", len(out)), t.name + ": memory over time", "Set-up and warm-up included.", svg})
	}
	return out, nil
}
