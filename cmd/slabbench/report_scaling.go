// Scaling: what more CPUs bring, against a bare loop's own scaling.
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

// series is one benchmark on several numbers of CPUs.
type series struct {
	scenario string
	peer     bool // and not ours
	name     string

	cpus  []int
	speed []float64 // operations per second of all CPUs together
}

// gain is the throughput on the most CPUs, relative to that on the fewest.
func (s *series) gain() float64 { return s.speed[len(s.speed)-1] / s.speed[0] }

// byCPUs collects the benchmarks that were measured on several numbers of CPUs.
// Keys that follow from the number of CPUs do not tell them apart.
func (d *dataset) byCPUs() []*series {
	var order []string
	found := map[string]*series{}
	cases := slices.Clone(d.cases)
	slices.SortStableFunc(cases, func(a, b *measured) int { return a.cpus - b.cpus })
	for _, m := range cases {
		t, ok := m.median("sec/op")
		if !ok || t.Center <= 0 || m.scenario == "Synchronize" || m.scenario == "Call" {
			continue
		}
		parts := []string{m.scenario}
		for _, k := range m.keys {
			if k.Key != "readers" && k.Key != "updaters" {
				parts = append(parts, shortKey(k))
			}
		}
		id := strings.Join(parts, " ")
		if found[id] == nil {
			found[id] = &series{scenario: m.scenario, peer: m.key("impl") != "", name: id}
			order = append(order, id)
		}
		s := found[id]
		if len(s.cpus) > 0 && s.cpus[len(s.cpus)-1] == m.cpus {
			continue
		}
		s.cpus = append(s.cpus, m.cpus)
		s.speed = append(s.speed, float64(m.cpus)/t.Center)
	}
	var out []*series
	for _, id := range order {
		if s := found[id]; len(s.cpus) > 1 {
			out = append(out, s)
		}
	}
	return out
}

// scaling is the section over all scenarios: curves for one of ours in each, then
// rows of bars for all of ours.
func (d *dataset) scaling() (section, error) {
	s := section{Title: "Scaling", Desc: "What several CPUs do together, relative to one. The machine's own limit is what a bare counting loop gains."}
	all := slices.DeleteFunc(d.byCPUs(), func(x *series) bool { return x.peer })
	if len(all) == 0 {
		return s, nil
	}
	svg, err := scalingCurves(all)
	if err != nil {
		return s, err
	}
	s.Pictures = append(s.Pictures, picture{"scaling-curves", "Throughput over CPUs", "One case of each scenario. Higher is better.", svg})
	for part := range slices.Chunk(all, mostRows) {
		var rows []bar
		for _, x := range part {
			group := "ours"
			if x.scenario == "Loop" {
				group = "the bare loop"
			}
			rows = append(rows, bar{label: fmt.Sprintf("%s ×%d", x.name, x.cpus[len(x.cpus)-1]), mid: x.gain(), group: group})
		}
		svg, err := chart{unit: "times", groups: []string{"ours", "the bare loop"}, at: 1}.draw(rows)
		if err != nil {
			return s, err
		}
		s.Pictures = append(s.Pictures, picture{fileName("scaling", "gain", "", len(s.Pictures)-1), "Throughput relative to one CPU", "Longer is better. The line is one CPU; orange is the bare loop.", svg})
	}
	return s, nil
}

// scalingCurves draws the first case of each scenario.
func scalingCurves(all []*series) (template.HTML, error) {
	var lines []curve
	var drawn []string
	most := 0
	for _, x := range all {
		if len(lines) == mostCurves-1 || slices.Contains(drawn, x.scenario) {
			continue
		}
		drawn = append(drawn, x.scenario)
		c := curve{name: x.name}
		for i, n := range x.cpus {
			c.xs, c.ys = append(c.xs, float64(n)), append(c.ys, x.speed[i]/x.speed[0]*float64(x.cpus[0]))
			most = max(most, n)
		}
		lines = append(lines, c)
	}
	lines = append(lines, curve{name: "each CPU as fast as one alone", xs: []float64{1, float64(most)}, ys: []float64{1, float64(most)}, thin: true})
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = "CPUs", "throughput relative to one CPU"
	p.X.Tick.Marker = wholeTicks{}
	return curves(p, lines, true)
}

// wholeTicks are at whole numbers, a dozen at most.
type wholeTicks struct{}

func (wholeTicks) Ticks(min, max float64) (ticks []plot.Tick) {
	for v, step := math.Ceil(min), math.Ceil((max-min)/12); v <= max; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprint(v)})
		if step == 0 {
			break
		}
	}
	return ticks
}
