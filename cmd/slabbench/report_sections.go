// The report's sections: what is drawn over several scenarios, and each scenario
// alone.
//
// See report.go for an overview.

package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/slabrcu/slabrcu/bench"
)

// section is one scenario, or what is drawn over several.
type section struct {
	Title    string
	Desc     string
	Pictures []picture
	Table    *table
}

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
