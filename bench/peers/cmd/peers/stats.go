// From a benchmark file to medians: who measured what, how often, how surely.
// See main.go for an overview.

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

const confidence = 0.95

// row is what is compared with one another: one task.
type row struct {
	bench   string
	size    int
	live    int    // 1 unless it says otherwise
	n       int    // objects at once in Bulk, entries in Table
	dist    string // of Table
	lookups int    // of Table, in 100 operations
	flavor  string
	readers string
	cpus    int
	crowded bool // more CPUs than the machine has cores
}

// String is the row as a reader knows it.
func (r row) String() string {
	s := r.bench
	if r.live > 1 {
		s += " live=" + strconv.Itoa(r.live)
	}
	if r.n > 0 {
		s += " n=" + strconv.Itoa(r.n)
	}
	if r.dist != "" {
		s += fmt.Sprintf(" %s %d%%", r.dist, r.lookups)
	}
	if r.flavor != "" {
		s += " " + r.flavor
	}
	if r.size > 0 {
		s += fmt.Sprintf(" %d B", r.size)
	}
	return s
}

// entrant is one implementation behind one interface.
type entrant struct{ impl, api string }

func (e entrant) ours() bool { return e.impl == ours }

// samples are all figures of one entrant in one row, by unit.
type samples map[string][]float64

// results are a file's figures, with rows and entrants in the order of the file.
type results struct {
	cores    int // of the machine, where a row is crowded
	rows     []row
	entrants map[row][]entrant
	samples  map[row]map[entrant]samples
}

// read collects the figures of a benchmark file. Results with create flags are
// left out: no peer has any.
func read(r io.Reader, name string) (*results, error) {
	all := &results{entrants: map[row][]entrant{}, samples: map[row]map[entrant]samples{}}
	reader := benchfmt.NewReader(r, name)
	var bad error
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.Result:
			all.add(rec)
		case *benchfmt.SyntaxError:
			bad = errors.Join(bad, rec)
		}
	}
	return all, errors.Join(bad, reader.Err())
}

func (all *results) add(res *benchfmt.Result) {
	k := keysOf(res.Name)
	if f := k["flags"]; f != "" && f != "none" {
		return
	}
	r := row{
		bench: k[".name"], size: number(k["size"], 0), live: number(k["live"], 1), n: number(k["n"], 0),
		dist: k["dist"], lookups: number(k["lookups"], 0),
		flavor: k["flavor"], readers: k["readers"], cpus: number(k["cpus"], 1),
	}
	if cores := number(res.GetConfig("cores"), 0); cores > 0 && r.cpus > cores {
		r.crowded, all.cores = true, cores
	}
	e := entrant{impl: k["impl"], api: k["api"]}
	if e.impl == "" {
		e.impl = ours
	}
	if all.samples[r] == nil {
		all.rows = append(all.rows, r)
		all.samples[r] = map[entrant]samples{}
	}
	if all.samples[r][e] == nil {
		all.entrants[r] = append(all.entrants[r], e)
		all.samples[r][e] = samples{}
	}
	for _, v := range res.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" {
			value, unit = v.OrigValue, v.OrigUnit
		}
		all.samples[r][e][unit] = append(all.samples[r][e][unit], value)
	}
}

// keysOf splits a benchmark's name. Its first part is under ".name", the number
// of CPUs under "cpus".
func keysOf(name benchfmt.Name) map[string]string {
	base, parts := name.Parts()
	keys := map[string]string{".name": string(base)}
	for _, p := range parts {
		s := string(p)
		if s[0] == '-' {
			keys["cpus"] = s[1:]
			continue
		}
		for i := range s {
			if s[i] == '=' {
				keys[s[1:i]] = s[i+1:]
				break
			}
		}
	}
	return keys
}

func number(s string, missing int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return missing
}

// figure is a median with its confidence interval.
type figure struct {
	entrant
	unit           string
	count          int
	values         []float64 // by round
	median, lo, hi float64
}

// get returns the figure of an entrant, or false.
func (all *results) get(r row, e entrant, unit string) (figure, bool) {
	values := all.samples[r][e][unit]
	if len(values) == 0 {
		return figure{}, false
	}
	return summary(e, unit, values), true
}

func summary(e entrant, unit string, values []float64) figure {
	// A sample sorts what it is given.
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), confidence)
	return figure{e, unit, len(values), values, s.Center, s.Lo, s.Hi}
}

// quotient divides the product of some figures by that of others, round by round, and
// returns the median of what comes out. What ran in one round ran within seconds, and
// a machine whose caches are far from one another for a minute then has them far for
// both sides; the quotient of two medians would hold one minute against another. That
// is what is left where one has fewer values than another, as a run failed.
func quotient(over, under []figure) figure {
	var out []float64
	q := figure{median: 1, lo: 1, hi: 1}
	rounds := over[0].count
	for _, f := range over {
		q.median, q.lo, q.hi = q.median*f.median, q.lo*f.lo, q.hi*f.hi
		rounds = same(rounds, f.count)
	}
	for _, f := range under {
		q.median, q.lo, q.hi = q.median/f.median, q.lo/f.hi, q.hi/f.lo
		rounds = same(rounds, f.count)
	}
	for round := range rounds {
		v := 1.0
		for _, f := range over {
			v *= f.values[round]
		}
		for _, f := range under {
			v /= f.values[round]
		}
		out = append(out, v)
	}
	if rounds == 0 {
		return q
	}
	return summary(entrant{}, "", out)
}

// same returns a when both are the same number, and 0 otherwise.
func same(a, b int) int {
	if a != b {
		return 0
	}
	return a
}

// best returns the lowest figure of those entrants that accept takes.
func (all *results) best(r row, unit string, accept func(entrant) bool) (best figure, ok bool) {
	for _, e := range all.entrants[r] {
		f, here := all.get(r, e, unit)
		if here && accept(e) && (!ok || f.median < best.median) {
			best, ok = f, true
		}
	}
	return best, ok
}
