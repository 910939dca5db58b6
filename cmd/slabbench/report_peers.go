// The section on peers: ours beside the best of those who do the same work.
//
// See report.go for an overview.

package main

import (
	"fmt"
	"slices"
	"strings"
)

// rivalry draws our times as shares of the best peer's. It has no pictures where
// the files have no peers.
func (d *dataset) rivalry() (section, error) {
	s := section{
		Title: "Peers",
		Desc:  "Our time relative to that of the best peer who did the same work, both from the same files. Below 1 we are faster. Yardsticks that do not do the work, such as a bare ring, do not compete.",
		Table: &table{Head: []string{"work", "CPUs", "caller", "slabrcu", "best peer", "ratio"}},
	}
	var rows []bar
	for _, c := range d.contests() {
		best, theirs := c.best()
		if best == nil || theirs.Center <= 0 {
			continue
		}
		for _, m := range c.ours {
			ours, ok := m.median("sec/op")
			if !ok {
				continue
			}
			peer := best.key("impl")
			text := ratio(ours, theirs)
			group := "ahead"
			switch text[0] {
			case '*':
				group = "behind"
			case '~':
				group = "not told apart"
			}
			rows = append(rows, bar{
				label: fmt.Sprintf("%s ×%d %s / %s", c.name, c.cpus, m.entrant(), peer),
				mid:   ours.Center / theirs.Center, lo: ours.Lo / theirs.Hi, hi: ours.Hi / theirs.Lo,
				group: group,
			})
			s.Table.Rows = append(s.Table.Rows, []string{
				c.name, fmt.Sprint(c.cpus), m.entrant(), interval(ours, "sec/op"),
				peer + " " + interval(theirs, "sec/op"), plainRatio(text),
			})
		}
	}
	for part := range slices.Chunk(rows, mostRows) {
		// One colour says one thing on every picture.
		svg, err := chart{unit: "times", groups: []string{"ahead", "behind", "not told apart"}, points: true, at: 1}.draw(part)
		if err != nil {
			return s, err
		}
		s.Pictures = append(s.Pictures, picture{fileName("peers", "ratio", "", len(s.Pictures)), "Our time, relative to the best peer's",
			"Left of the line we are faster. Blue: we are ahead; orange: behind; green: the intervals overlap.", svg})
	}
	return s, nil
}

// plainRatio is a ratio without the marks of Markdown.
func plainRatio(text string) string { return strings.Trim(text, "*") }
