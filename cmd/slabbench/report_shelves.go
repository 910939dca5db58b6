// Shelves: which cases of a scenario share a picture, and what they are called there.
//
// See report.go for an overview.

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

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
