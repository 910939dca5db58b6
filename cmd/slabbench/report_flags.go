// The section on flags: the same scenario with a set of flags and without.
//
// See report.go for an overview.

package main

import (
	"fmt"
	"slices"

	"golang.org/x/perf/benchmath"
)

// against is one case with flags beside the same without any.
type against struct {
	name          string
	flags         string
	with, without benchmath.Summary
}

// flagged finds the cases that were measured both with flags and without.
func (d *dataset) flagged() []against {
	plain := map[string]*measured{}
	for _, m := range d.cases {
		if m.key("impl") == "" && m.key("flags") == "none" {
			plain[m.unflagged()] = m
		}
	}
	var out []against
	for _, m := range d.cases {
		other := plain[m.unflagged()]
		if m.key("impl") != "" || m.key("flags") == "" || other == nil || other == m {
			continue
		}
		with, ok1 := m.median("sec/op")
		without, ok2 := other.median("sec/op")
		if ok1 && ok2 && with.Center > 0 && without.Center > 0 {
			out = append(out, against{m.unflagged(), m.key("flags"), with, without})
		}
	}
	return out
}

// unflagged names a case by all but its flags.
func (m *measured) unflagged() string {
	name := m.scenario
	for _, k := range m.keys {
		if k.Key != "flags" {
			name += " " + shortKey(k)
		}
	}
	return fmt.Sprintf("%s ×%d", name, m.cpus)
}

// flags draws what the flags cost: their time as a share of that without.
func (d *dataset) flags() (section, error) {
	all := d.flagged()
	s := section{
		Title: "Flags",
		Desc:  "Time with a set of create flags relative to that without any, measured in turns. Above 1 the flags cost something.",
		Table: &table{Head: []string{"work", "flags", "with", "without", "ratio"}},
	}
	var rows []bar
	for _, a := range all {
		text, group := ratio(a.with, a.without), "faster"
		switch text[0] {
		case '*':
			group = "slower"
		case '~':
			group = "not told apart"
		}
		name := a.name
		if slices.ContainsFunc(all, func(o against) bool { return o.flags != a.flags }) {
			name += " " + a.flags
		}
		rows = append(rows, bar{name, a.with.Center / a.without.Center, a.with.Lo / a.without.Hi, a.with.Hi / a.without.Lo, group})
		s.Table.Rows = append(s.Table.Rows, []string{a.name, a.flags, interval(a.with, "sec/op"), interval(a.without, "sec/op"), plainRatio(text)})
	}
	for part := range slices.Chunk(rows, mostRows) {
		svg, err := chart{unit: "times", groups: []string{"faster", "slower", "not told apart"}, points: true, at: 1}.draw(part)
		if err != nil {
			return s, err
		}
		s.Pictures = append(s.Pictures, picture{fileName("flags", "ratio", "", len(s.Pictures)), "Time with " + all[0].flags + ", relative to without",
			"Right of the line the flags cost time. Blue: faster with them; orange: slower; green: the intervals overlap.", svg})
	}
	return s, nil
}
