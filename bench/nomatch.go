// What is wrong with a pattern that chooses nothing.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// unmatched says why the options choose no case: no scenario has such a name, or
// those that have take other keys.
func (o Options) unmatched(m *Matcher) error {
	var scenarios, keys []string
	for _, s := range table {
		if m.Scenario(s.Name) {
			scenarios = append(scenarios, s.Name)
			keys = append(keys, s.keys(o.Selection)...)
		}
	}
	pattern := fmt.Sprintf("bench pattern %q%s", o.Pattern, o.without())
	if len(scenarios) == 0 {
		return fmt.Errorf("%s matches no scenario; legal are %s", pattern, strings.Join(names(), ", "))
	}
	legal := strings.Join(slices.DeleteFunc(slices.Clone(keyOrder), func(k string) bool { return !slices.Contains(keys, k) }), ", ")
	pattern += " matches no case of " + strings.Join(scenarios, ", ")
	for _, k := range m.keys() {
		if !slices.Contains(keys, k) {
			return fmt.Errorf("%s: there is no key %s; legal are %s, in this order", pattern, k, legal)
		}
	}
	return fmt.Errorf("%s; legal keys are %s, in this order", pattern, legal)
}

// keys returns the keys in the names of the scenario's cases, some more than once.
func (s *Scenario) keys(sel Selection) []string {
	var out []string
	for _, c := range s.Cases(sel) {
		for _, k := range c.Keys {
			out = append(out, k.Name)
		}
	}
	return out
}

// keyPart is a part of a pattern that begins with a whole key.
var keyPart = regexp.MustCompile(`^\^?([a-z]+)=`)

// keys returns the keys that the pattern names, as far as they stand in plain text.
func (m *Matcher) keys() []string {
	var out []string
	for _, parts := range m.alternatives {
		for _, re := range parts[1:] {
			if k := keyPart.FindStringSubmatch(re.String()); k != nil {
				out = append(out, k[1])
			}
		}
	}
	return out
}
