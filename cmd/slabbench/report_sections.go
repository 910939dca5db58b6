// The report's sections: which pictures are drawn of which benchmarks.
//
// See report.go for an overview.

package main

import (
	"cmp"
	"fmt"
	"html/template"
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

const (
	mostRows   = 28 // of one picture
	mostCurves = 10
)

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
	flags, err := d.flags()
	if err != nil {
		return nil, fmt.Errorf("report: flags: %w", err)
	}
	if len(flags.Pictures) > 0 {
		out = append(out, flags)
	}
	scaling, err := d.scaling()
	if err != nil {
		return nil, fmt.Errorf("report: scaling: %w", err)
	}
	if len(scaling.Pictures) > 0 {
		out = append(out, scaling)
	}
	for _, name := range d.scenarios() {
		s, err := d.scenario(name)
		if err != nil {
			return nil, fmt.Errorf("report: %s: %w", name, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// scenarios are the names of all, ours in the order of their table.
func (d *dataset) scenarios() []string {
	var names []string
	for _, m := range d.cases {
		if !slices.Contains(names, m.scenario) {
			names = append(names, m.scenario)
		}
	}
	table := bench.Scenarios()
	place := func(name string) int {
		if i := slices.IndexFunc(table, func(s *bench.Scenario) bool { return s.Name == name }); i >= 0 {
			return i
		}
		return len(table)
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	return names
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
		func() ([]picture, error) { return latencyPictures(name, cases) },
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

// shelf is the cases of a scenario that share a picture: those that do the same
// work.
type shelf struct {
	name  string // "objects of 64 bytes"; empty when there is only one
	file  string // "64"
	cases []*measured
}

// shelved are the keys that put cases on different shelves, by scenario.
var shelved = map[string][]string{
	"":        {"size"},
	"Table":   {"n", "dist", "lookups"},
	"Oblique": {"work"},
}

// shelves sorts the cases of a scenario onto shelves, unless they fit on one, and on
// each by the number of CPUs.
func shelves(scenario string, cases []*measured, most int) []shelf {
	keys := shelved[scenario]
	if keys == nil {
		keys = shelved[""]
	}
	var out []shelf
	for _, m := range cases {
		var name, file []string
		for _, k := range keys {
			if v := m.key(k); v != "" && len(cases) > most {
				name, file = append(name, shelfKey(k, v)), append(file, v)
			}
		}
		id := strings.Join(name, ", ")
		i := slices.IndexFunc(out, func(s shelf) bool { return s.name == id })
		if i < 0 {
			i = len(out)
			out = append(out, shelf{name: id, file: strings.Join(file, "-")})
		}
		out[i].cases = append(out[i].cases, m)
	}
	for _, s := range out {
		slices.SortStableFunc(s.cases, func(a, b *measured) int { return cmp.Compare(a.cpus, b.cpus) })
	}
	return out
}

func shelfKey(key, value string) string {
	switch key {
	case "size":
		return "objects of " + value + " bytes"
	case "n":
		return value + " entries"
	case "lookups":
		return value + " % lookups"
	}
	return value
}

// title is a picture's name: that of the scenario and of the shelf.
func (s shelf) title(name string) string {
	if s.name == "" {
		return name
	}
	return name + ", " + s.name
}

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

// label names a case by the keys in which the cases of a picture differ, who it is
// first.
func label(m *measured, among []*measured) string {
	var parts []string
	who := m.key("impl")
	if differ("impl", among) {
		parts = append(parts, cmp.Or(who, "slabrcu"))
	}
	for _, k := range m.keys {
		switch {
		case k.Key == "impl" || !differ(k.Key, among):
		case k.Key == "readers" && k.Value == fmt.Sprint(m.cpus): // then each CPU is one
		case who != "" && (k.Key == "flags" || k.Value == "malloc"): // which go without saying
		default:
			parts = append(parts, shortKey(k))
		}
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
