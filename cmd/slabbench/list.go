// -list: the scenarios, what they measure, and the names of their cases. See
// doc.go for the manual.

package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/slabrcu/slabrcu/bench"
)

// list writes the table to w. How many measurements a pattern means, and how long
// they will take, goes to stderr.
func list(w, stderr io.Writer, o *options) error {
	m, err := bench.NewMatcher(o.pattern)
	if err == nil {
		m, err = m.Except(o.skip)
	}
	if err != nil {
		return usageError{err}
	}
	for _, s := range bench.Scenarios() {
		cases := slices.DeleteFunc(s.Cases(o.selection()), func(c *bench.Case) bool { return !m.Match(c) })
		if len(cases) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\n  %s\n  Unit: ns/op for one %s.\n", s.Name, s.Desc, s.Unit); err != nil {
			return err
		}
		for _, c := range cases {
			skip := ""
			if c.Skip != "" {
				skip = "  (skipped: " + c.Skip + ")"
			}
			if _, err := fmt.Fprintf(w, "    %s%s\n", c.Name(), skip); err != nil {
				return err
			}
		}
	}
	if o.pattern == "" {
		return nil // then a run is a selection of these
	}
	plan, err := bench.NewPlan(o.planOptions())
	if err != nil {
		return usageError{err}
	}
	announce(stderr, plan)
	return nil
}
