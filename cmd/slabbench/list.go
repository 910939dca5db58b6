// -list: the scenarios, what they measure, and the names of their cases. See
// doc.go for the manual.

package main

import (
	"fmt"
	"io"

	"github.com/slabrcu/slabrcu/bench"
)

func list(w io.Writer, o *options) error {
	m, err := bench.NewMatcher(o.pattern)
	if err != nil {
		return usageError{err}
	}
	for _, s := range bench.Scenarios() {
		if !m.Scenario(s.Name) {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\n  %s\n  Unit: ns/op for one %s.\n", s.Name, s.Desc, s.Unit); err != nil {
			return err
		}
		for _, c := range s.Cases(o.selection()) {
			if !m.Match(c) {
				continue
			}
			skip := ""
			if c.Skip != "" {
				skip = "  (skipped: " + c.Skip + ")"
			}
			if _, err := fmt.Fprintf(w, "    %s%s\n", c.Name(), skip); err != nil {
				return err
			}
		}
	}
	return nil
}
