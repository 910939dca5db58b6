// The table: each goal beside what was measured, and where we lose. See main.go
// for an overview.

package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// tabulate prints the table of a benchmark file and writes its medians beside
// it as CSV.
func tabulate(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	all, err := read(f, name)
	if err != nil {
		return err
	}
	if err := writeTable(w, all.lines()); err != nil {
		return err
	}
	return writeCSV(strings.TrimSuffix(name, filepath.Ext(name))+".csv", all)
}

// line is one line of the table: a figure of ours, what it is held against, and
// how that ended.
type line struct {
	row
	ours, rival  figure // either may be missing: count is 0
	goal         *goal  // nil where there is none
	floors       string // how those that do less than an allocator must would have done
	value        float64
	low, high    float64 // of value; infinite when there were too few rounds
	reached      bool
	behind       bool // somebody who does the same work is ahead of us
	notMeasuring bool // a goal without what it is measured by
}

// lines holds every figure of ours against its goals, or where it has none
// against the best of the others.
func (all *results) lines() []line {
	var out []line
	for _, r := range all.rows {
		var mine []line
		for _, e := range all.entrants[r] {
			if e.ours() {
				mine = append(mine, all.goalLines(r, e)...)
			}
		}
		if best, ok := all.best(r, "ns/op", worker); ok && mine == nil {
			mine = []line{{row: r, rival: best}}
		}
		out = append(out, mine...)
	}
	return out
}

// worker accepts those who do the work of a row, ourselves left out.
func worker(e entrant) bool { return !e.ours() && !slices.Contains(noRival, e.impl) }

func (all *results) goalLines(r row, e entrant) []line {
	var out []line
	held := false
	for i := range goals {
		if g := &goals[i]; g.applies(r, e) {
			if l, ok := all.hold(r, e, g); ok {
				out = append(out, l)
				held = held || len(g.against) > 0
			}
		}
	}
	if held {
		return out
	}
	ours, ok := all.get(r, e, "ns/op")
	rival, compared := all.best(r, "ns/op", worker)
	if ok && compared {
		l := line{row: r, ours: ours, rival: rival}
		l.set(quotient([]figure{ours}, []figure{rival}))
		l.behind = l.value > 1
		out = append(out, l)
	}
	return out
}

// hold measures a figure of ours by a goal, and beside it those of the floors.
func (all *results) hold(r row, e entrant, g *goal) (l line, ok bool) {
	l = line{row: r, goal: g}
	if l.ours, ok = all.get(r, e, g.figureUnit()); !ok {
		return l, false
	}
	var value func(figure, entrant) (figure, bool)
	switch {
	case g.scaling:
		value = func(f figure, e entrant) (figure, bool) { return all.scaling(r, e, f) }
	case g.crowded:
		value = func(f figure, e entrant) (figure, bool) { return all.share(r, e, f) }
	case len(g.against) == 0:
		value = func(f figure, _ entrant) (figure, bool) { return f, true }
	default:
		if l.rival, ok = all.best(r, g.figureUnit(), g.rival); !ok {
			l.notMeasuring = true
			return l, true
		}
		value = func(f figure, _ entrant) (figure, bool) {
			return quotient([]figure{f}, []figure{l.rival}), true
		}
	}
	v, ok := value(l.ours, e)
	if !ok {
		return l, false
	}
	l.set(v)
	l.reached = g.met(l.value)
	l.behind = l.rival.count > 0 && l.value > 1 && worker(l.rival.entrant)
	for _, under := range floors {
		if under.under != "" && under.under != e.api {
			continue
		}
		if f, ok := all.get(r, under.entrant, g.figureUnit()); ok {
			if v, ok := value(f, under.entrant); ok {
				l.floors += fmt.Sprintf(", %s %.2f", under.impl, v.median)
			}
		}
	}
	return l, true
}

func (l *line) set(f figure) { l.value, l.low, l.high = f.median, f.lo, f.hi }

// scaling is the share of the counting loop's scaling, from 1 CPU to the row's, that f
// is, the entrant's figure on the row's CPUs.
func (all *results) scaling(r row, e entrant, f figure) (figure, bool) {
	loop := entrant{impl: "loop"}
	from := r
	from.cpus = 1
	one, ok1 := all.get(from, e, "ns/op")
	loop1, ok2 := all.get(row{bench: "Loop", live: 1, cpus: 1}, loop, "ns/op")
	loopN, ok3 := all.get(row{bench: "Loop", live: 1, cpus: r.cpus}, loop, "ns/op")
	if !ok1 || !ok2 || !ok3 {
		return figure{}, false
	}
	return quotient([]figure{one, loopN}, []figure{f, loop1}), true
}

// share is how much of an entrant's throughput with a core for each CPU is left in f.
func (all *results) share(r row, e entrant, f figure) (figure, bool) {
	from := r
	from.cpus, from.crowded = all.cores, false
	roomy, ok := all.get(from, e, "ns/op")
	if !ok {
		return figure{}, false
	}
	q := quotient([]figure{roomy}, []figure{f})
	by := float64(r.cpus) / float64(all.cores)
	q.median, q.lo, q.hi = by*q.median, by*q.lo, by*q.hi
	return q, true
}

// certain reports whether the whole interval lies on one side of the goal.
func (l *line) certain() bool {
	limit := 1.0
	if l.goal != nil {
		limit = l.goal.limit
	}
	return (l.low <= limit) == (l.high <= limit)
}

func (l *line) verdict() string {
	var s string
	switch {
	case l.ours.count == 0:
		return "we did not run"
	case l.notMeasuring:
		return "peer missing"
	case l.behind:
		s = fmt.Sprintf("LOST: %s takes %.0f%% less", l.rival.impl, 100*(1-1/l.value))
	case l.goal == nil:
		s = "ahead"
	case l.reached:
		s = "reached"
	default:
		s = "missed"
	}
	if !l.certain() {
		s += ", uncertain"
	}
	if l.goal != nil && !l.reached {
		s += l.floors
	}
	return s
}

func (l *line) goalText() string {
	switch g := l.goal; {
	case g == nil:
		return "-"
	case g.scaling:
		return fmt.Sprintf(">= %.2f of loop", g.limit)
	case g.crowded:
		return fmt.Sprintf(">= %.2f of roomy", g.limit)
	case len(g.against) == 0:
		return "<= " + nanoseconds(g.limit)
	case len(g.against) == 1:
		return fmt.Sprintf("<= %.2f of %s", g.limit, g.against[0])
	default:
		return fmt.Sprintf("<= %.2f of the best", g.limit)
	}
}

func writeTable(w io.Writer, lines []line) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "workload\tCPUs\tapi\tours\tpeer\t\tratio\tgoal\tverdict")
	for _, l := range lines {
		name := l.row.String()
		if l.goal != nil && l.goal.unit != "" {
			name += " " + l.goal.unit
		}
		value := "-"
		if l.value != 0 && (l.goal == nil || l.goal.scaling || l.goal.crowded || len(l.goal.against) > 0) {
			value = fmt.Sprintf("%.3f", l.value)
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, l.cpus, l.ours.api,
			l.ours, l.rival.impl, l.rival, value, l.goalText(), l.verdict())
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	return writeSummary(w, lines)
}

// writeSummary says plainly how many goals were reached and where we lose.
func writeSummary(w io.Writer, lines []line) error {
	held, reached, compared := 0, 0, 0
	var lost []string
	for _, l := range lines {
		if l.goal != nil && !l.notMeasuring {
			held++
			if l.reached {
				reached++
			}
		}
		if l.ours.count > 0 && l.rival.count > 0 {
			compared++
		}
		if text := fmt.Sprintf("  %v, CPUs %d, api %s: %s %s, ours %s", l.row, l.cpus, l.ours.api,
			l.rival.impl, l.rival, l.ours); l.behind && !slices.Contains(lost, text) {
			lost = append(lost, text)
		}
	}
	_, err := fmt.Fprintf(w, "\n%d of %d goals reached.\n", reached, held)
	switch {
	case held+compared == 0:
		_, err = fmt.Fprintln(w, "Nothing of ours was measured.")
	case len(lost) > 0:
		_, err = fmt.Fprintf(w, "We lose:\n%s\n", strings.Join(lost, "\n"))
	case compared > 0:
		_, err = fmt.Fprintln(w, "No peer that does the same work is ahead of us.")
	}
	return err
}

// String is the median with the wider half of its interval.
func (f figure) String() string {
	if f.count == 0 {
		return "-"
	}
	s := nanoseconds(f.median)
	if spread := max(f.hi-f.median, f.median-f.lo) / f.median; !math.IsInf(spread, 0) {
		s += fmt.Sprintf(" ±%.0f%%", 100*spread)
	}
	return s
}

func nanoseconds(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.3g ms", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.3g µs", v/1e3)
	default:
		return fmt.Sprintf("%.3g ns", v)
	}
}
