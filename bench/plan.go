// A plan: which cases run, how often, in which order, and for how long.
//
// See doc.go for an overview.

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// Plan is a list of cases to measure.
type Plan struct {
	Cases     []*Case // that can run, in order; each stands here once per sample
	Skipped   []*Case // that cannot, each once
	Benchtime Benchtime
	Sampling  Sampling   // none by default
	Perf      PerfEvents // none by default

	HeapProfile HeapProfile // none by default

	running atomic.Pointer[sources] // of the case under way
}

// Options say what a plan holds.
type Options struct {
	Selection
	Pattern   string    // as -bench; "" is the quick selection
	Skip      string    // as -skip; "" is nothing
	Benchtime Benchtime // zero: go test's second; in the quick selection, what fits
	Count     int       // samples of each case; 0 is 1
}

// quickBudget is what the quick selection may take, set-up and warm-up included.
const quickBudget = 45 * time.Second

// quickSizes are the object sizes of the quick selection.
var quickSizes = []int{64}

// overhead is how much longer a case takes than its benchtime: the rounds that
// search for the iteration count, and the set-up.
const overhead = 1.5

// minimum is what a case takes however short its benchtime is.
const minimum = 20 * time.Millisecond

// NewPlan chooses the cases. It returns an error that lists the scenarios when
// the pattern names none, and the keys when it chooses none of their cases.
//
// All samples of one case stand together, and cases that differ in their flags
// alone, or in a key of Scenario.Turns, take turns, A B A B, so that a machine that
// changes its speed does so for both.
func NewPlan(o Options) (*Plan, error) {
	m, err := o.matcher()
	if err != nil {
		return nil, err
	}
	p := &Plan{Benchtime: o.Benchtime}
	if o.Pattern == "" && len(o.Sizes) == 0 {
		o.Sizes = quickSizes
	}
	var groups [][]*Case
	found := false
	for _, s := range table {
		if o.Pattern == "" && !s.Quick || !m.Scenario(s.Name) {
			continue
		}
		cases := s.chosen(o, m)
		found = found || len(cases) > 0
		groups = append(groups, p.group(cases)...)
	}
	if !found {
		return nil, o.unmatched(m)
	}
	for _, g := range groups {
		for range max(o.Count, 1) {
			p.Cases = append(p.Cases, g...)
		}
	}
	if o.Pattern == "" && o.Benchtime == (Benchtime{}) {
		p.Benchtime = p.fit(quickBudget)
	}
	p.Benchtime = p.Benchtime.orDefault()
	return p, nil
}

func (o Options) matcher() (*Matcher, error) {
	m, err := NewMatcher(o.Pattern)
	if err != nil {
		return nil, err
	}
	return m.Except(o.Skip)
}

// without names what is left out, for messages.
func (o Options) without() string {
	if o.Skip == "" {
		return ""
	}
	return fmt.Sprintf(" without %q", o.Skip)
}

// chosen returns the cases of a scenario that a pattern, or the quick
// selection, asks for.
func (s *Scenario) chosen(o Options, m *Matcher) []*Case {
	var out []*Case
	for _, c := range s.Cases(o.Selection) {
		if o.Pattern == "" && c.variant.Long || !m.Match(c) {
			continue
		}
		out = append(out, c)
	}
	return out
}

// group sets aside what cannot run and puts together the cases that take turns.
func (p *Plan) group(cases []*Case) [][]*Case {
	var groups [][]*Case
	place := make(map[string]int)
	for _, c := range cases {
		if c.Skip != "" {
			p.Skipped = append(p.Skipped, c)
			continue
		}
		id := c.nameWithout(append(slices.Clone(c.Scenario.Turns), "flags")...)
		i, ok := place[id]
		if !ok {
			i = len(groups)
			place[id] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

// nameWithout returns the case's name without some of its keys.
func (c *Case) nameWithout(names ...string) string {
	keys := slices.DeleteFunc(slices.Clone(c.Keys), func(k Key) bool { return slices.Contains(names, k.Name) })
	return fmt.Sprintf("%s-%d", joinName(c.Scenario.Name, keys), c.Params.CPUs)
}

// fit returns the benchtime with which the plan stays within a budget, at most
// go test's second.
func (p *Plan) fit(budget time.Duration) Benchtime {
	if len(p.Cases) == 0 {
		return DefaultBenchtime
	}
	d := time.Duration(float64(budget) / overhead / float64(len(p.Cases)))
	return Benchtime{D: min(d.Truncate(time.Millisecond), DefaultBenchtime.D)}
}

// Estimate returns how long the plan will take; 0 when the benchtime is a
// count, which says nothing about time.
func (p *Plan) Estimate() time.Duration {
	var all time.Duration
	for _, c := range p.Cases {
		all += p.EstimateOf(c)
	}
	return all
}

// EstimateOf returns how long one measurement of a case will take, or 0.
func (p *Plan) EstimateOf(c *Case) time.Duration {
	if p.Benchtime.D == 0 {
		return 0
	}
	d := time.Duration(float64(p.Benchtime.D)*overhead) + minimum
	if v := c.variant; v.Setup != nil {
		d += v.Setup(c.Params)
	}
	return d
}

// Outcome is the end of one measurement: a result or an error.
type Outcome struct {
	Case   *Case
	Result *Result
	Err    error
	Took   time.Duration // with set-up and warm-up
}

// Run measures the plan's cases one after the other and hands each outcome to
// done. A case that fails ends alone. Run returns early with the context's
// error when that ends, or with the error that done returns.
func (p *Plan) Run(ctx context.Context, starting func(*Case), done func(Outcome) error) error {
	for _, c := range p.Cases {
		if err := ctx.Err(); err != nil {
			return err
		}
		starting(c)
		begin := time.Now()
		res, err := p.do(ctx, c)
		if err != nil && errors.Is(err, ctx.Err()) {
			return ctx.Err()
		}
		if err := done(Outcome{c, res, err, time.Since(begin)}); err != nil {
			return err
		}
	}
	return nil
}

// WriteSlabinfo writes the caches of the case under way as /proc/slabinfo has
// them, or nothing between two cases. Safe beside Run.
func (p *Plan) WriteSlabinfo(w io.Writer) error {
	if s := p.running.Load(); s != nil {
		return s.writeSlabinfo(w)
	}
	return nil
}

func names() []string {
	out := make([]string, len(table))
	for i, s := range table {
		out[i] = s.Name
	}
	return out
}
