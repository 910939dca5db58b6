// Scaling: what more CPUs bring, against a bare loop's own scaling.
//
// See report.go for an overview.

package main

import (
	"fmt"
	"slices"
	"strings"
)

// series is one benchmark on several numbers of CPUs.
type series struct {
	name  string
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
			found[id] = &series{name: id}
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

// scaling is the section over all scenarios. With two numbers of CPUs it is rows
// of bars, with more also curves.
func (d *dataset) scaling() (section, error) {
	s := section{Title: "Scaling", Desc: "What several CPUs do together, relative to one. The machine's own limit is what a bare counting loop gains."}
	all := d.byCPUs()
	for part := range slices.Chunk(all, mostRows) {
		var rows []bar
		for _, x := range part {
			group := "ours"
			if strings.HasPrefix(x.name, "Loop") {
				group = "the bare loop"
			}
			rows = append(rows, bar{label: fmt.Sprintf("%s ×%d", x.name, x.cpus[len(x.cpus)-1]), mid: x.gain(), group: group})
		}
		svg, err := bars(rows, "times")
		if err != nil {
			return s, err
		}
		s.Pictures = append(s.Pictures, picture{fileName("scaling", "gain", "", len(s.Pictures)), "Throughput relative to one CPU", "Longer is better.", svg})
	}
	var lines []curve
	most := 0
	for _, x := range all {
		if len(x.cpus) < 3 || len(lines) == len(palette) {
			continue
		}
		c := curve{name: x.name}
		for i, n := range x.cpus {
			c.xs, c.ys = append(c.xs, float64(n)), append(c.ys, x.speed[i]/x.speed[0]*float64(x.cpus[0]))
			most = max(most, n)
		}
		lines = append(lines, c)
	}
	if len(lines) == 0 {
		return s, nil
	}
	lines = append(lines, curve{name: "each CPU as fast as one alone", xs: []float64{1, float64(most)}, ys: []float64{1, float64(most)}, thin: true})
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = "CPUs", "throughput relative to one CPU"
	svg, err := curves(p, lines, true)
	s.Pictures = append(s.Pictures, picture{"scaling-curves", "Throughput over CPUs", "Higher is better.", svg})
	return s, err
}
