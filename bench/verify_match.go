// Which tortures a verification runs.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"regexp"
	"strings"
)

// TortureNames returns the names of the tortures that a pattern chooses: a regular
// expression that matches somewhere in the name, in any case. Empty chooses all.
// An error lists the names when none matches.
func TortureNames(pattern string) ([]string, error) {
	var out []string
	chosen, err := matchTortures(pattern)
	for _, t := range chosen {
		out = append(out, t.name)
	}
	return out, err
}

func matchTortures(pattern string) (chosen []torture, err error) {
	re, err := regexp.Compile("(?i)" + pattern)
	if err != nil {
		return nil, fmt.Errorf("torture pattern %q: %w", pattern, err)
	}
	var names []string
	for _, t := range tortures() {
		if re.MatchString(t.name) {
			chosen = append(chosen, t)
		}
		names = append(names, t.name)
	}
	if chosen == nil {
		return nil, fmt.Errorf("torture pattern %q matches no torture; legal are %s", pattern, strings.Join(names, ", "))
	}
	return chosen, nil
}

// tortures returns those that were asked for, with shares of the whole time. A
// pattern that chooses none was refused when it was read.
func (o *VerifyOptions) tortures() []torture {
	chosen, _ := matchTortures(o.Pattern)
	all := 0
	for _, t := range chosen {
		all += t.share
	}
	if o.Pattern != "" {
		for i := range chosen {
			chosen[i].share = chosen[i].share * 100 / all
		}
	}
	return chosen
}
