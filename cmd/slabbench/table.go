// Tables for people, on standard error. See doc.go for the manual.

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/slabrcu/slabrcu/bench"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// column is a figure that tables show, by its unit in base form.
type column struct{ unit, title, explain string }

// columns are the figures of the tables, in order. A column without a figure
// other than zero is left out; what is not here is in the benchmark format.
var columns = []column{
	{"sec/op", "time", ""},
	{"p50-sec", "half within", "half of all operations took no longer"},
	{"p99-sec", "99% within", "99 % of all operations took no longer"},
	{"p50-latency-sec", "half run after", "half of the callbacks ran so long after they were queued"},
	{"p99-latency-sec", "99% run after", "99 % of the callbacks ran so long after they were queued"},
	{"retries/op", "retries", "lookups that started again because the object was reused, per lookup"},
	{"updates/s", "updates/s", "objects freed and reused per second meanwhile"},
	{"refused/op", "refused", "operations refused at the heap's limit, per operation"},
	{"deferred-peak-B", "deferred peak", "most bytes of objects that waited to be freed at once"},
	{"B/object", "bytes each", "bytes of memory for one live object, everything included"},
	{"overhead-B/object", "of them overhead", "bytes beyond the size that was asked for"},
	{"RSS-B/object", "resident each", "bytes of resident memory for one live object"},
	{"gc-sec", "collection", "time that a forced collection took"},
	{"gc-cpu-fraction", "collector's share", "share of the process's CPU time that the collector took"},
	{"RSS-B", "resident", "resident memory of the process"},
	{"returned-of-90%", "back of 90%", "share of the memory returned a second after a random 90 % was freed"},
	{"returned-in-100ms", "back in 0.1 s", "share of the memory returned 0.1 s after all was freed"},
	{"returned-in-1s", "back in 1 s", "share of the memory returned 1 s after all was freed"},
	{"idle-cpu-fraction", "idle", "share of a CPU that the process used in the second after that"},
	{"lock-trips/op", "lock trips", "times that a lock shared by CPUs was taken, per operation"},
	{"contended/s", "contended/s", "times per second that such a lock was found taken"},
	{"limbo-peak-B", "limbo peak", "most bytes that waited for a grace period at once"},
	{"cycles/op", "cycles", ""},
	{"instructions/op", "instructions", ""},
	{"l1d-misses/op", "L1d misses", "loads that missed the first data cache, per operation"},
	{"llc-misses/op", "LLC misses", "loads that missed all caches, per operation"},
	{"branch-misses/op", "branch misses", "branches that were predicted wrongly, per operation"},
	{"page-faults/op", "page faults", "page faults, per operation"},
}

// writeTables writes one table for each scenario: what it does in a sentence,
// what one operation is, and a line for each case.
func writeTables(w io.Writer, summaries []bench.Summary) {
	explained := map[column]bool{}
	for len(summaries) > 0 {
		s := summaries[0].Case.Scenario
		n := slices.IndexFunc(summaries, func(x bench.Summary) bool { return x.Case.Scenario != s })
		if n < 0 {
			n = len(summaries)
		}
		fmt.Fprintf(w, "\n%s: %s\nTime is for one %s, on each CPU.\n\n", s.Name, s.Desc, s.Unit)
		for _, c := range writeTable(w, summaries[:n]) {
			explained[c] = true
		}
		summaries = summaries[n:]
	}
	fmt.Fprintln(w)
	for _, c := range columns {
		if explained[c] && c.explain != "" {
			fmt.Fprintf(w, "%s: %s\n", c.title, c.explain)
		}
	}
}

// row is one case and its figures by unit.
type row struct {
	c       *bench.Case
	figures map[string]bench.Summary
}

// writeTable writes the table of one scenario and returns its columns.
func writeTable(w io.Writer, summaries []bench.Summary) []column {
	var rows []row
	used := map[string]bool{}
	place := map[string]int{}
	for _, s := range summaries {
		name := s.Case.Name()
		i, ok := place[name]
		if !ok {
			i = len(rows)
			place[name] = i
			rows = append(rows, row{s.Case, map[string]bench.Summary{}})
		}
		rows[i].figures[s.Unit] = s
		used[s.Unit] = used[s.Unit] || s.Center != 0
	}
	shown := slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return !used[c.unit] })
	keys := keysOf(rows)

	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(tw, "  ")
	for _, k := range keys {
		fmt.Fprintf(tw, "%s\t", k)
	}
	fmt.Fprint(tw, "CPUs")
	for _, c := range shown {
		fmt.Fprintf(tw, "\t%s", c.title)
	}
	fmt.Fprintln(tw)
	for _, r := range rows {
		fmt.Fprint(tw, "  ")
		for _, k := range keys {
			fmt.Fprintf(tw, "%s\t", r.key(k))
		}
		fmt.Fprint(tw, r.c.Params.CPUs)
		for _, c := range shown {
			fmt.Fprintf(tw, "\t%s", figure(r.figures[c.unit]))
		}
		fmt.Fprintln(tw)
	}
	tw.Flush()
	return shown
}

// keysOf returns the keys that any of the rows has, in the order of names.
func keysOf(rows []row) []string {
	var keys []string
	for _, r := range rows {
		for _, k := range r.c.Keys {
			if !slices.Contains(keys, k.Name) {
				keys = append(keys, k.Name)
			}
		}
	}
	return keys
}

// key returns the value of a key for people.
func (r row) key(name string) string {
	v := r.c.Key(name)
	switch {
	case v == "" && name == "impl":
		return "slabrcu"
	case v == "":
		return "-"
	}
	return v
}

// figure writes a median, with its interval when there are samples for one.
func figure(s bench.Summary) string {
	if s.N == 0 {
		return "-"
	}
	text := scaled(s.Center, s.Unit)
	if s.N > 1 {
		text += " ± " + s.PctRangeString()
	}
	return text
}

// scaled writes a value for people: times and bytes with a prefix, other figures
// as plain numbers.
func scaled(v float64, unit string) string {
	switch {
	case v == 0:
		return "0"
	case strings.Contains(unit, "sec"):
		return benchunit.Scale(v, benchunit.Decimal) + "s"
	case strings.HasSuffix(unit, "-B"):
		return benchunit.Scale(v, benchunit.Binary) + "B"
	case v < 0.0005:
		return "<0.001"
	case v >= 1e6:
		return benchunit.Scale(v, benchunit.Decimal)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func writeFailures(w io.Writer, failures []bench.Outcome) {
	if len(failures) == 0 {
		return
	}
	fmt.Fprintf(w, "\nFailed: %s. The others were not affected.\n", plural(len(failures), "measurement"))
	for _, f := range failures {
		fmt.Fprintf(w, "  %s\n", firstLine(f.Err.Error()))
		var p *bench.PanicError
		if errors.As(f.Err, &p) {
			fmt.Fprintf(w, "%s\n", p.Stack)
		}
	}
}

// writeSkipped says which cases could not run here, by reason.
func writeSkipped(w io.Writer, skipped []*bench.Case) {
	if len(skipped) == 0 {
		return
	}
	type why struct{ scenario, reason string }
	var order []why
	cases := map[why]int{}
	for _, c := range skipped {
		y := why{c.Scenario.Name, c.Skip}
		if cases[y] == 0 {
			order = append(order, y)
		}
		cases[y]++
	}
	fmt.Fprintln(w, "\nSkipped:")
	for _, y := range order {
		fmt.Fprintf(w, "  %s of %s: %s\n", plural(cases[y], "case"), y.scenario, y.reason)
	}
}

func writeCaveats(w io.Writer, caveats []string) {
	if len(caveats) == 0 {
		return
	}
	fmt.Fprintln(w, "\nMind:")
	for _, c := range caveats {
		fmt.Fprintf(w, "  %s\n", c)
	}
}

// writeComparison writes what -compare found: both medians with intervals, the
// difference where one was shown, and its p value.
func writeComparison(w io.Writer, comparisons []bench.Comparison, first, second string) {
	fmt.Fprintf(w, "\nComparison of flags=%s with flags=%s, measured in turns.\n", first, second)
	fmt.Fprintln(w, "A difference is shown where p is below 0.05; ~ is none that could be shown.")
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "  case\tfigure\t%s\t%s\tdifference\n", first, second)
	var warnings []string
	for _, c := range comparisons {
		i := slices.IndexFunc(columns, func(col column) bool { return col.unit == c.Unit })
		if i < 0 || c.Old.Center == 0 && c.New.Center == 0 {
			continue
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s (%s)\n", c.Name, columns[i].title,
			interval(c.Old, c.Unit), interval(c.New, c.Unit), c.Delta(), c.Test)
		for _, warn := range c.Warnings {
			if text := warn.Error(); !slices.Contains(warnings, text) {
				warnings = append(warnings, text)
			}
		}
	}
	tw.Flush()
	for _, text := range warnings {
		fmt.Fprintf(w, "  note: %s\n", text)
	}
}

func interval(s benchmath.Summary, unit string) string {
	return scaled(s.Center, unit) + " ± " + s.PctRangeString()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
