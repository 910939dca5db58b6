// The scenario table: what can be measured, and how its cases are named.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Scenario is one workload of the table. The command and go test -bench both
// run from it.
type Scenario struct {
	Name     string    // first part of the benchmark's name
	Desc     string    // one sentence for a newcomer
	Unit     string    // what one operation is, as in "ns per <Unit>"
	Quick    bool      // part of the selection that runs when none is named
	Variants []Variant // the keys it takes and the code that runs them

	// Turns are the keys besides flags whose values take turns: those that are
	// there to be compared, and leave nothing behind for who comes next, such as
	// garbage.
	Turns []string
}

// Variant is one way to run a scenario: its keys, and one concrete loop.
type Variant struct {
	Axes []Axis
	Run  func(*Run) error

	// CPUs is the number of CPUs that the case needs, when that follows from
	// its keys; nil means any number that the caller selected. A case that
	// needs more than the caller selected is skipped.
	CPUs func(Params) int

	// Derive adds the keys that follow from the number of CPUs; nil adds none.
	Derive func(*Params) []Key

	// Skip says why a case cannot run, or "". nil means that it always can.
	Skip func(Params) string

	// Setup is what a case takes beside the measuring, for estimates; nil is
	// next to nothing.
	Setup func(Params) time.Duration

	// Long keeps the variant out of the quick selection.
	Long bool
}

// Case is one thing to measure: a variant at one point of its axes.
type Case struct {
	Scenario *Scenario
	Params   Params
	Keys     []Key  // in the order of the contract
	Skip     string // why it cannot run here, or ""

	variant *Variant
}

// Name returns the benchmark's name without the prefix "Benchmark", for
// example "Pair/api=cpu/flags=none/size=64-2".
func (c *Case) Name() string {
	return c.BareName() + "-" + strconv.Itoa(c.Params.CPUs)
}

// BareName returns the name without the number of CPUs, as go test counts
// them by itself.
func (c *Case) BareName() string { return joinName(c.Scenario.Name, c.Keys) }

// Key returns the value of a key of the case's name, or "".
func (c *Case) Key(name string) string {
	for _, k := range c.Keys {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// Scenarios returns the table, in the order in which it runs. The slice is
// the caller's; the scenarios are shared and must not be changed.
func Scenarios() []*Scenario { return slices.Clone(table) }

// Lookup returns the scenario of that name, or nil.
func Lookup(name string) *Scenario {
	for _, s := range table {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Cases returns everything that the scenario measures under a selection, with
// the cases that cannot run here marked by their reason.
func (s *Scenario) Cases(sel Selection) []*Case {
	var out []*Case
	for i := range s.Variants {
		v := &s.Variants[i]
		for _, p := range cross(sel, v.Axes) {
			out = append(out, v.cases(s, p, sel.cpus())...)
		}
	}
	return out
}

// cases places one point of a variant on the selected numbers of CPUs.
func (v *Variant) cases(s *Scenario, p point, cpus []int) []*Case {
	if v.CPUs != nil {
		need := v.CPUs(p.params)
		c := v.at(s, p, need)
		if most := slices.Max(cpus); c.Skip == "" && need > most {
			c.Skip = fmt.Sprintf("needs %d CPUs, and at most %d was selected", need, most)
		}
		return []*Case{c}
	}
	var out []*Case
	for _, n := range cpus {
		out = append(out, v.at(s, p, n))
	}
	return out
}

func (v *Variant) at(s *Scenario, p point, cpus int) *Case {
	c := &Case{Scenario: s, Params: p.params, Keys: slices.Clone(p.keys), variant: v}
	c.Params.CPUs = cpus
	if v.Derive != nil {
		c.Keys = append(c.Keys, v.Derive(&c.Params)...)
	}
	sortKeys(c.Keys)
	if v.Skip != nil {
		c.Skip = v.Skip(c.Params)
	}
	return c
}
