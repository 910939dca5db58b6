// report -table and -readme: the results as a table in Markdown, ours beside the
// best peer's.
//
// See report.go for an overview.

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"
)

// contest is one workload: who did the same work on as many CPUs.
type contest struct {
	name  string // scenario and keys
	cpus  int
	ours  []*measured // by api and flags
	peers []*measured
}

// yardsticks do not do the work that they stand beside: nobody wins or loses
// against them.
var yardsticks = []string{"ring", "popped", "loop", "xchg", "bare", "checked", "drained", "leased", "apart", "atomicpointer", "pinned"}

// machineOnly are the scenarios that measure the machine and nothing of ours.
var machineOnly = []string{"Loop"}

// contests groups the cases by the work that they do, in the order of the files.
func (d *dataset) contests() []*contest {
	var order []string
	found := map[string]*contest{}
	for _, m := range d.cases {
		if slices.Contains(machineOnly, m.scenario) || slices.Contains(yardsticks, m.key("impl")) {
			continue
		}
		name := m.work()
		id := m.contest(name)
		c := found[id]
		if c == nil {
			c = &contest{name: name, cpus: m.cpus}
			found[id] = c
			order = append(order, id)
		}
		if impl := m.key("impl"); impl == "" || impl == "slabrcu" {
			c.ours = append(c.ours, m)
		} else {
			c.peers = append(c.peers, m)
		}
	}
	var out []*contest
	for _, id := range order {
		c := found[id]
		if len(c.ours) == 0 {
			continue
		}
		if f := c.ours[0].key("flavor"); f != "" { // a mutex has no flavour, and does the same work
			if same := found[c.ours[0].contest(strings.Replace(c.name, " "+f, "", 1))]; same != nil {
				c.peers = append(c.peers, same.peers...)
			}
		}
		out = append(out, c)
	}
	return out
}

// circumstances must be the same for all who compete: figures of two machines, or
// of two runs that lie commits apart, are no contest.
var circumstances = []string{"cpu", "goarch", "go", "commit"}

// contest identifies the contest in which a case does some work.
func (m *measured) contest(work string) string {
	id := fmt.Sprintf("%s\x00%d", work, m.cpus)
	for _, k := range circumstances {
		id += "\x00" + m.key(k)
	}
	return id
}

// work names what a case does, by the keys that do not say who does it or how:
// those stay with the entrant. A key without a value to tell is left out.
func (m *measured) work() string {
	parts := []string{m.scenario}
	for _, k := range m.keys {
		switch {
		case slices.Contains(entrantKeys, k.Key) || slices.Contains(compared, k.Key) && k.Key != "flavor":
		case m.scenario == "ReadSection" && k.Key == "readers": // each CPU is one
		default:
			parts = append(parts, shortKey(k))
		}
	}
	return strings.Join(parts, " ")
}

// entrantKeys tell entrants of one contest apart.
var entrantKeys = []string{"impl", "api", "flags"}

// entrant names one of ours among the others of its row.
func (m *measured) entrant() string {
	var parts []string
	for _, k := range m.keys {
		if k.Key == "api" || k.Key == "flags" && k.Value != "none" || slices.Contains(compared, k.Key) && k.Key != "flavor" {
			parts = append(parts, k.Value)
		}
	}
	return strings.Join(parts, " ")
}

// best returns the peer with the lowest median.
func (c *contest) best() (*measured, benchmath.Summary) {
	var best *measured
	var least benchmath.Summary
	for _, m := range c.peers {
		if s, ok := m.median("sec/op"); ok && (best == nil || s.Center < least.Center) {
			best, least = m, s
		}
	}
	return best, least
}

// markdown writes the table. Where somebody else is faster the ratio is bold.
func (d *dataset) markdown(w io.Writer) {
	all := d.contests()
	peers := slices.ContainsFunc(all, func(c *contest) bool { return len(c.peers) > 0 })
	if peers {
		fmt.Fprint(w, "| work | CPUs | caller | slabrcu | best peer | ratio |\n|---|--:|---|--:|--:|--:|\n")
	} else {
		fmt.Fprint(w, "| work | CPUs | caller | time |\n|---|--:|---|--:|\n")
	}
	for _, c := range all {
		best, theirs := c.best()
		for _, m := range c.ours {
			ours, ok := m.median("sec/op")
			if !ok {
				continue
			}
			fmt.Fprintf(w, "| %s | %d | %s | %s |", cell(c.name), c.cpus, cell(m.entrant()), interval(ours, "sec/op"))
			switch {
			case !peers:
			case best == nil:
				fmt.Fprint(w, " - | - |")
			default:
				fmt.Fprintf(w, " %s %s | %s |", cell(cmp.Or(best.key("impl"), "?")), interval(theirs, "sec/op"), ratio(ours, theirs))
			}
			fmt.Fprintln(w)
		}
	}
}

// ratio is ours to theirs, bold where we lose, with a ~ where the intervals
// overlap or there is none.
func ratio(ours, theirs benchmath.Summary) string {
	text := fmt.Sprintf("%.2f", ours.Center/theirs.Center)
	switch {
	case ours.Lo <= theirs.Hi && theirs.Lo <= ours.Hi: // also when an end is infinite
		return "~" + text
	case ours.Center > theirs.Center:
		return "**" + text + "**"
	}
	return text
}

// cell escapes what would end a cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// provenance names the machine, the toolchain and the commit of the figures.
func (d *dataset) provenance() string {
	of := func(key string) string { return d.configs[key].String() }
	host := cmp.Or(of("cpu"), "an unknown processor")
	if n := of("cores"); n != "" {
		host += ", cores: " + n
	}
	if vm := of("vm"); vm != "" && vm != "no" {
		host += ", a virtual machine (" + vm + ")"
	}
	return fmt.Sprintf("Measured on %s, with %s, at commit %s. Medians of time for one operation on each CPU, with 95 %% intervals. "+
		"The ratio is ours to the best peer's: below 1 we are faster, bold we lose, ~ the intervals overlap.", host, cmp.Or(of("go"), "an unknown Go"), cmp.Or(of("commit"), "unknown"))
}

// The marks between which -readme writes.
const (
	resultsBegin = "<!-- results -->"
	resultsEnd   = "<!-- /results -->"
)

// fillIn replaces what stands between the marks of a document.
func fillIn(name string, text []byte) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(old, []byte(resultsBegin))
	_, tail, end := bytes.Cut(rest, []byte(resultsEnd))
	if !ok || !end || bytes.Contains(tail, []byte(resultsBegin)) {
		return fmt.Errorf("%s: want %s and %s, each once and in this order; nothing was changed", name, resultsBegin, resultsEnd)
	}
	return writeWhole(name, slices.Concat(head, []byte(resultsBegin+"\n\n"), text, []byte("\n"+resultsEnd), tail))
}

// tables does what -table and -readme ask for.
func (d *dataset) tables(stdout io.Writer, print bool, readme string) error {
	var b bytes.Buffer
	d.markdown(&b)
	fmt.Fprintf(&b, "\n%s\n", d.provenance())
	var errs []error
	if print {
		_, err := stdout.Write(b.Bytes())
		errs = append(errs, err)
	}
	if readme != "" {
		errs = append(errs, fillIn(readme, b.Bytes()))
	}
	return errors.Join(errs...)
}
