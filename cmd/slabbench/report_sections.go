// The report's sections: which pictures are drawn of which benchmarks.
//
// See report.go for an overview.

package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/slabrcu/slabrcu/bench"
	"golang.org/x/perf/benchunit"
	"gonum.org/v1/plot"
)

// section is one scenario, or what is drawn over several.
type section struct {
	Title    string
	Desc     string
	Pictures []picture
	Table    *table
}

// table holds the figures behind the pictures.
type table struct {
	Head []string
	Rows [][]string
}

const mostRows = 28 // of one picture

// sections draws everything that there is to draw.
func (d *dataset) sections() ([]section, error) {
	var out []section
	peers, err := d.rivalry()
	if err != nil {
		return nil, fmt.Errorf("report: peers: %w", err)
	}
	if len(peers.Pictures) > 0 {
		out = append(out, peers)
	}
	var scenarios []string
	for _, m := range d.cases {
		if !slices.Contains(scenarios, m.scenario) {
			scenarios = append(scenarios, m.scenario)
		}
	}
	for _, name := range scenarios {
		s, err := d.scenario(name)
		if err != nil {
			return nil, fmt.Errorf("report: %s: %w", name, err)
		}
		out = append(out, s)
	}
	scaling, err := d.scaling()
	if err != nil {
		return nil, fmt.Errorf("report: scaling: %w", err)
	}
	if len(scaling.Pictures) > 0 {
		out = append(out, scaling)
	}
	return out, nil
}

// scenario is the section of one scenario.
func (d *dataset) scenario(name string) (section, error) {
	s := section{Title: name}
	unit := "operation"
	if known := bench.Lookup(name); known != nil {
		s.Desc, unit = known.Desc, known.Unit
	}
	var cases []*measured
	for _, m := range d.cases {
		if m.scenario == name {
			cases = append(cases, m)
		}
	}
	s.Table = figures(cases)
	note := "Time for one " + unit + ", median and 95 % interval. Shorter is better."
	draw := []func() ([]picture, error){
		func() ([]picture, error) { return barPictures(name, note, cases) },
		func() ([]picture, error) { return latencyPicture(name, cases) },
		func() ([]picture, error) { return d.timePictures(name) },
	}
	if name == "Colour" {
		draw[0] = func() ([]picture, error) { return colourPicture(cases) }
	}
	for _, f := range draw {
		ps, err := f()
		if err != nil {
			return s, err
		}
		s.Pictures = append(s.Pictures, ps...)
	}
	return s, nil
}

// barPictures are the times of a scenario, one picture for each object size when
// one alone would be too long.
func barPictures(name, note string, cases []*measured) ([]picture, error) {
	groups := map[string][]*measured{"": cases}
	order := []string{""}
	if len(cases) > mostRows/2 {
		groups, order = map[string][]*measured{}, nil
		for _, m := range cases {
			size := m.key("size")
			if groups[size] == nil {
				order = append(order, size)
			}
			groups[size] = append(groups[size], m)
		}
	}
	var out []picture
	for _, size := range order {
		group := slices.Clone(groups[size])
		slices.SortStableFunc(group, func(a, b *measured) int { return cmp.Compare(a.cpus, b.cpus) })
		for part := range slices.Chunk(group, mostRows) {
			var rows []bar
			for _, m := range part {
				if s, ok := m.median("sec/op"); ok {
					rows = append(rows, bar{label(m, group), s.Center, s.Lo, s.Hi, colourOf(m, group)})
				}
			}
			if len(rows) == 0 {
				continue
			}
			svg, err := bars(rows, "sec/op")
			if err != nil {
				return nil, err
			}
			title := name
			if size != "" {
				title += ", objects of " + size + " bytes"
			}
			out = append(out, picture{fileName(name, "time", size, len(out)), title, note, svg})
		}
	}
	return out, nil
}

// label names a case by the keys in which the cases of a picture differ.
func label(m *measured, among []*measured) string {
	var parts []string
	for _, k := range m.keys {
		if differ(k.Key, among) && !(k.Key == "readers" && k.Value == fmt.Sprint(m.cpus)) { // then each CPU is one
			parts = append(parts, shortKey(k))
		}
	}
	if m.key("impl") == "" && differ("impl", among) {
		parts = append(parts, "slabrcu")
	}
	if slices.ContainsFunc(among, func(o *measured) bool { return o.cpus != m.cpus }) {
		parts = append(parts, fmt.Sprintf("×%d", m.cpus))
	}
	if len(parts) == 0 {
		return m.scenario
	}
	return strings.Join(parts, " ")
}

func differ(key string, among []*measured) bool {
	return slices.ContainsFunc(among, func(o *measured) bool { return o.key(key) != among[0].key(key) })
}

// shortKey leaves a key's name out where its value speaks for itself.
func shortKey(k setting) string {
	switch k.Key {
	case "api", "impl", "flavor", "flags", "reuse", "commit", "cpu", "goarch":
		return k.Value
	}
	return k.Key + "=" + k.Value
}

// colourOf groups bars by who made them, or else by the number of CPUs.
func colourOf(m *measured, among []*measured) string {
	for _, k := range []string{"impl", "commit", "reuse", "flavor"} {
		if differ(k, among) {
			return m.key(k)
		}
	}
	return fmt.Sprint(m.cpus)
}

// nines are the quantiles that results carry, placed so that each nine takes the
// same room.
var nines = []struct{ name, text string }{
	{"p50", "50 %"}, {"p90", "90 %"}, {"p99", "99 %"}, {"p99.9", "99.9 %"}, {"p99.99", "99.99 %"},
}

// latencyPicture draws how late the late ones are.
func latencyPicture(name string, cases []*measured) ([]picture, error) {
	var all []curve
	least, most := math.Inf(1), 0.0
	for _, m := range cases {
		c := curve{name: label(m, cases)}
		for i, q := range nines {
			for _, unit := range []string{q.name + "-sec", q.name + "-latency-sec"} {
				if s, ok := m.median(unit); ok && s.Center > 0 {
					c.xs, c.ys = append(c.xs, float64(i)), append(c.ys, s.Center)
					least, most = min(least, s.Center), max(most, s.Center)
				}
			}
		}
		if len(c.xs) > 1 {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	p := newPlot()
	var ticks plot.ConstantTicks
	for i, q := range nines {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: q.text})
	}
	p.X.Tick.Marker = ticks
	p.X.Label.Text = "share of the operations that took no longer"
	logAxis(&p.Y, least, most, "sec")
	svg, err := curves(p, all, true)
	return []picture{{fileName(name, "latency", "", 0), name + ": latency", "Each step to the right leaves out a tenth of what was left. Lower is better.", svg}}, err
}

// colourPicture draws the chase over the number of slabs.
func colourPicture(cases []*measured) ([]picture, error) {
	byColours := map[string]*curve{}
	var order []string
	most := 0.0
	for _, m := range cases {
		var slabs float64
		fmt.Sscan(m.key("slabs"), &slabs)
		s, ok := m.median("sec/op")
		if !ok || slabs == 0 {
			continue
		}
		k := m.key("colours")
		if byColours[k] == nil {
			byColours[k] = &curve{name: k + " colours"}
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

// figures is the table of all units of some cases.
func figures(cases []*measured) *table {
	t := &table{Head: []string{"benchmark", "samples"}}
	var units []string
	for _, m := range cases {
		for u := range m.samples {
			if !slices.Contains(units, u) {
				units = append(units, u)
			}
		}
	}
	slices.SortFunc(units, func(a, b string) int {
		return cmp.Or(cmp.Compare(bench.UnitPlace(untidy(a)), bench.UnitPlace(untidy(b))), cmp.Compare(a, b))
	})
	t.Head = append(t.Head, units...)
	for _, m := range cases {
		row := []string{m.name, fmt.Sprint(len(m.samples["sec/op"]))}
		for _, u := range units {
			text := "-"
			if s, ok := m.median(u); ok {
				text = scaled(s.Center, u)
				if len(m.samples[u]) > 1 {
					text += " ± " + s.PctRangeString()
				}
			}
			row = append(row, text)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// untidy is the unit as the scenarios name it.
func untidy(unit string) string {
	if u := strings.Replace(unit, "sec", "ns", 1); bench.UnitDesc(u) != "" {
		if _, back := benchunit.Tidy(1, u); back == unit {
			return u
		}
	}
	return unit
}

func fileName(scenario, what, size string, n int) string {
	name := strings.ToLower(scenario) + "-" + what
	if size != "" {
		name += "-" + size
	}
	if n > 0 {
		name += fmt.Sprintf("-%d", n+1)
	}
	return name
}
