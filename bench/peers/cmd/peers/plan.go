// What is run, and in which order. See main.go for an overview.

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// workload is a scenario that peers take part in.
type workload struct {
	name  string
	sized bool  // runs once for each object size
	crowd bool  // ours runs on crowding CPUs for each core, too
	cpus  []int // the numbers of CPUs it makes sense on; nil is any
}

var (
	evenCPUs = []int{2, 4, 6, 8, 12, 16, 24, 32, 48, 64}
	twoCPUs  = []int{2}
)

// crowding is how many CPUs share a core where oversubscription is measured.
const crowding = 8

// workloads in the order in which they run. Loop is first: scaling is read
// against it.
var workloads = []workload{
	{name: "Loop"},
	{name: "Pair", sized: true, crowd: true},
	{name: "Batch10k", sized: true, crowd: true},
	{name: "RandomLive100k", sized: true, crowd: true},
	{name: "Sh6", sized: true},
	{name: "Larson", sized: true},
	{name: "MStress", sized: true},
	{name: "ProdCons", sized: true, cpus: evenCPUs},
	{name: "Xmalloc", sized: true, cpus: evenCPUs},
	{name: "Bulk", sized: true},
	{name: "ReadSection"},
	{name: "Table"},
	{name: "Synchronize", cpus: twoCPUs},
	{name: "Call", cpus: twoCPUs},
}

func workloadNames() []string {
	var names []string
	for _, w := range workloads {
		names = append(names, w.name)
	}
	return names
}

// selection is what the caller wants of the workloads.
type selection struct {
	bench pattern
	sizes numbers
	cpus  numbers
	cores int // of the machine
}

// cell is a workload at one size, or of one mix, on one number of CPUs. Programs
// are compared within a cell.
type cell struct {
	bench string
	size  int // bytes; 0 where the workload has no objects
	cpus  int
	mix   tableMix // of Table
	crowd bool     // crowding CPUs for each core: ours and the floors alone
}

func (c cell) String() string {
	s := c.bench
	if c.size > 0 {
		s += fmt.Sprintf(" size=%d", c.size)
	}
	if c.bench == "Table" {
		s += fmt.Sprintf(" n=%d %s %d%%", c.mix.n, c.mix.dist, c.mix.lookups)
	}
	return fmt.Sprintf("%s cpus=%d", s, c.cpus)
}

// tableMix is a task of Table: entries, how keys are drawn, lookups in 100
// operations.
type tableMix struct {
	n       int
	dist    string
	lookups int
}

// tableMixes are all tasks. The large tables take seconds to fill: those that are
// not in tableChoice run when Table is asked for by -bench.
var (
	tableMixes = []tableMix{
		{10_000, "uniform", 90}, {10_000, "uniform", 99}, {10_000, "uniform", 100}, {10_000, "zipf", 99},
		{1_000_000, "uniform", 90}, {1_000_000, "uniform", 99}, {1_000_000, "uniform", 100}, {1_000_000, "zipf", 99},
	}
	tableChoice = []tableMix{{10_000, "uniform", 99}, {10_000, "zipf", 99}, {1_000_000, "uniform", 90}, {1_000_000, "zipf", 99}}
)

// mixes are the tasks of a workload; one that says nothing where it has but one.
func (s selection) mixes(bench string) []tableMix {
	switch {
	case bench != "Table":
		return make([]tableMix, 1)
	case s.bench.re == nil:
		return tableChoice
	}
	return tableMixes
}

func (s selection) cells() []cell {
	var out []cell
	for _, w := range workloads {
		sizes := []int(s.sizes)
		if !w.sized {
			sizes = []int{0}
		}
		for _, size := range sizes {
			for _, n := range s.cpus {
				if !s.bench.match(w.name) || w.cpus != nil && !slices.Contains(w.cpus, n) {
					continue
				}
				for _, mix := range s.mixes(w.name) {
					out = append(out, cell{bench: w.name, size: size, cpus: n, mix: mix})
				}
			}
			if w.crowd && slices.Contains(s.cpus, s.cores) && s.bench.match(w.name) {
				out = append(out, cell{bench: w.name, size: size, cpus: crowding * s.cores, crowd: true})
			}
		}
	}
	return out
}

// step is one process to run.
type step struct {
	round   int
	cell    cell
	program *program
	args    []string
}

// expected is about how long a step takes: starting the process, filling a table,
// and measuring.
func (s step) expected(benchtime time.Duration) time.Duration {
	const startup = 100 * time.Millisecond
	if s.cell.bench != "Table" {
		return startup + benchtime
	}
	if s.program.impl == ours { // one map after the other, of five
		return startup + 5*benchtime*3/2 + time.Duration(s.cell.mix.n)*6*time.Microsecond
	}
	return startup + benchtime + time.Duration(s.cell.mix.n)*time.Microsecond
}

// plan puts the runs in order: round by round, in a round cell by cell, and in
// a cell one program after the other, so that what is compared is measured
// within seconds. Each round starts with another program: who comes after whom
// must not matter.
func plan(rounds int, cells []cell, programs []*program) []step {
	present := slices.DeleteFunc(slices.Clone(programs), func(p *program) bool { return p.missing != "" })
	var steps []step
	for round := range rounds {
		for _, c := range cells {
			for i := range present {
				p := present[(i+round)%len(present)]
				if c.crowd && p.impl != ours && !isFloor(p.impl) {
					continue
				}
				for _, args := range p.runs(c) {
					steps = append(steps, step{round, c, p, args})
				}
			}
		}
	}
	return steps
}

// numbers is a flag of positive numbers with commas between them.
type numbers []int

func (n *numbers) String() string {
	s := make([]string, len(*n))
	for i, v := range *n {
		s[i] = strconv.Itoa(v)
	}
	return strings.Join(s, ",")
}

func (n *numbers) Set(s string) error {
	*n = nil
	for part := range strings.SplitSeq(s, ",") {
		v, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || v < 1 {
			return fmt.Errorf("%q is not a number above 0", part)
		}
		*n = append(*n, v)
	}
	return nil
}

// pattern is a flag of a regular expression; its zero value matches everything.
type pattern struct{ re *regexp.Regexp }

func (p *pattern) match(s string) bool { return p.re == nil || p.re.MatchString(s) }

func (p *pattern) String() string {
	if p.re == nil {
		return ""
	}
	return p.re.String()
}

func (p *pattern) Set(s string) (err error) {
	p.re, err = regexp.Compile(s)
	return err
}
