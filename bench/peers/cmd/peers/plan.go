// What is run, and in which order. See main.go for an overview.

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// workload is a scenario that peers take part in.
type workload struct {
	name  string
	sized bool  // runs once for each object size
	cpus  []int // the numbers of CPUs it makes sense on; nil is any
}

var (
	evenCPUs = []int{2, 4, 6, 8, 12, 16, 24, 32, 48, 64}
	twoCPUs  = []int{2}
)

// workloads in the order in which they run. Loop is first: scaling is read
// against it.
var workloads = []workload{
	{name: "Loop"},
	{name: "Pair", sized: true},
	{name: "Batch10k", sized: true},
	{name: "RandomLive100k", sized: true},
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
}

// cell is a workload at one size on one number of CPUs. Programs are compared
// within a cell.
type cell struct {
	bench string
	size  int // bytes; 0 where the workload has no objects
	cpus  int
}

func (c cell) String() string {
	size := ""
	if c.size > 0 {
		size = fmt.Sprintf(" size=%d", c.size)
	}
	return fmt.Sprintf("%s%s cpus=%d", c.bench, size, c.cpus)
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
				if s.bench.match(w.name) && (w.cpus == nil || slices.Contains(w.cpus, n)) {
					out = append(out, cell{w.name, size, n})
				}
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
