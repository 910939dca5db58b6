// The programs: what each can run, and how it is asked to. See main.go for an
// overview.

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slabrcu/slabrcu/bench/peers"
)

// ours is the name under which our own results stand in tables.
const ours = "slabrcu"

// program is one executable in one role.
type program struct {
	name    string // impl, or impl and flavour
	impl    string // the key impl of its results
	path    string
	env     []string // added to the environment, as LD_PRELOAD is
	library string   // Debian package that is measured, for its version
	missing string   // why it cannot run, or ""

	// runs returns the arguments of its runs in a cell, without -benchtime:
	// none when it does not take part.
	runs func(cell) [][]string
}

var mallocs = []string{"glibc", "mimalloc", "jemalloc", "tcmalloc"}

// flags spells a cell as every program here understands it.
func (c cell) flags(impl string) []string {
	args := []string{"-bench", c.bench, "-cpu", strconv.Itoa(c.cpus), "-impl", impl}
	if c.size > 0 {
		args = append(args, "-size", strconv.Itoa(c.size))
	}
	return args
}

// one is a run with these arguments; Pair has a second one with two live.
func (c cell) one(impl string) [][]string {
	args := c.flags(impl)
	if c.bench != "Pair" {
		return [][]string{args}
	}
	return [][]string{args, append(slices.Clone(args), "-live", "2")}
}

// oursRuns asks slabbench for everything it has in a cell, its own baselines
// included, of a grace period only for that beside a busy reader.
func oursRuns(c cell) [][]string {
	pattern := "^" + c.bench + "$"
	if c.crowd {
		pattern += "/^api=cpu$"
	}
	switch c.bench {
	case "Synchronize", "Call":
		pattern += "/././^readers=1$"
	case "Bulk":
		pattern += "/./././^n=32$"
	case "Table":
		pattern += fmt.Sprintf("/./^n=%d$/^dist=%s$/^lookups=%d$", c.mix.n, c.mix.dist, c.mix.lookups)
	}
	args := []string{"-bench", pattern, "-cpu", strconv.Itoa(c.cpus), "-count", "1"}
	if c.size > 0 {
		args = append(args, "-size", strconv.Itoa(c.size))
	}
	return [][]string{args}
}

func tableRuns(c cell, impl string) [][]string {
	return [][]string{append(c.flags(impl), "-n", strconv.Itoa(c.mix.n), "-dist", c.mix.dist, "-lookups", strconv.Itoa(c.mix.lookups))}
}

// mallocRuns is what the C allocator program runs over a malloc.
func mallocRuns(impl string) func(cell) [][]string {
	return func(c cell) [][]string {
		if c.size == 0 || c.bench == "Bulk" {
			return nil
		}
		return c.one(impl)
	}
}

// bareRuns is what hardly an allocator can do: objects stay on their thread.
func bareRuns(impl string) func(cell) [][]string {
	return func(c cell) [][]string {
		if !slices.Contains([]string{"Pair", "Batch10k", "RandomLive100k", "Sh6"}, c.bench) {
			return nil
		}
		return c.one(impl)
	}
}

func only(bench, impl string) func(cell) [][]string {
	return func(c cell) [][]string {
		if c.bench != bench {
			return nil
		}
		return [][]string{c.flags(impl)}
	}
}

func goRuns(impl string) func(cell) [][]string {
	return func(c cell) [][]string {
		if !peers.Runs(c.bench, impl) {
			return nil
		}
		if c.bench == "Table" {
			return tableRuns(c, impl)
		}
		return c.one(impl)
	}
}

// rcuRuns is what a C reader program runs: those of the benchmarks named.
func rcuRuns(impl, benches string) func(cell) [][]string {
	return func(c cell) [][]string {
		if !slices.Contains(strings.Fields(benches), c.bench) {
			return nil
		}
		return [][]string{c.flags(impl)}
	}
}
