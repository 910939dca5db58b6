// The table of a section: all units of its cases.
//
// See report.go for an overview.

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slabrcu/slabrcu/bench"
	"golang.org/x/perf/benchunit"
)

// table holds the figures behind the pictures.
type table struct {
	Head []string
	Rows [][]string
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
