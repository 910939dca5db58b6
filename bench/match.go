// Patterns that choose benchmarks by name, with go test's meaning.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"regexp"
	"strings"
)

// Matcher chooses cases by a pattern as go test's -bench does: the pattern is
// split at slashes, and each part must match the part of the name at the same
// place. A pattern of one part therefore speaks of the scenario alone.
type Matcher struct {
	pattern string
	parts   []*regexp.Regexp
}

// NewMatcher compiles a pattern. The empty pattern matches everything.
func NewMatcher(pattern string) (*Matcher, error) {
	m := &Matcher{pattern: pattern}
	if pattern == "" {
		return m, nil
	}
	for _, part := range splitPattern(pattern) {
		re, err := regexp.Compile(part)
		if err != nil {
			return nil, fmt.Errorf("bench pattern %q: part %q: %w", pattern, part, err)
		}
		m.parts = append(m.parts, re)
	}
	return m, nil
}

// Match reports whether the matcher chooses the case.
func (m *Matcher) Match(c *Case) bool {
	names := strings.Split(c.BareName(), "/")
	for i, re := range m.parts {
		if i >= len(names) || !re.MatchString(names[i]) {
			return false
		}
	}
	return true
}

// Scenario reports whether the matcher may choose cases of the scenario.
func (m *Matcher) Scenario(name string) bool {
	return len(m.parts) == 0 || m.parts[0].MatchString(name)
}

// splitPattern cuts a pattern at the slashes that stand outside brackets.
func splitPattern(s string) []string {
	var parts []string
	depth, class, start := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == '/' && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
