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
// split at bars into alternatives and these at slashes, and each part must match
// the part of the name at the same place. A pattern of one part therefore speaks
// of the scenario alone.
type Matcher struct {
	alternatives [][]*regexp.Regexp // none match everything
	except       *Matcher           // or nil
}

// NewMatcher compiles a pattern. The empty pattern matches everything.
func NewMatcher(pattern string) (*Matcher, error) {
	m := new(Matcher)
	if pattern == "" {
		return m, nil
	}
	for _, alternative := range splitPattern(pattern, '|') {
		var parts []*regexp.Regexp
		for _, part := range splitPattern(alternative, '/') {
			re, err := regexp.Compile(part)
			if err != nil {
				return nil, fmt.Errorf("bench pattern %q: part %q: %w", pattern, part, err)
			}
			parts = append(parts, re)
		}
		m.alternatives = append(m.alternatives, parts)
	}
	return m, nil
}

// Except returns a matcher that leaves out what another pattern matches, as go
// test's -skip does. The empty pattern leaves out nothing.
func (m *Matcher) Except(pattern string) (*Matcher, error) {
	if pattern == "" {
		return m, nil
	}
	except, err := NewMatcher(pattern)
	return &Matcher{m.alternatives, except}, err
}

// Match reports whether the matcher chooses the case.
func (m *Matcher) Match(c *Case) bool {
	if m.except != nil && m.except.Match(c) {
		return false
	}
	names := strings.Split(c.BareName(), "/")
	for _, parts := range m.alternatives {
		if matchParts(parts, names) {
			return true
		}
	}
	return len(m.alternatives) == 0
}

func matchParts(parts []*regexp.Regexp, names []string) bool {
	for i, re := range parts {
		if i >= len(names) || !re.MatchString(names[i]) {
			return false
		}
	}
	return true
}

// Scenario reports whether the matcher may choose cases of the scenario.
func (m *Matcher) Scenario(name string) bool {
	for _, parts := range m.alternatives {
		if parts[0].MatchString(name) {
			return true
		}
	}
	return len(m.alternatives) == 0
}

// splitPattern cuts a pattern where a byte stands outside brackets.
func splitPattern(s string, at byte) []string {
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
		case c == at && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
