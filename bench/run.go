// Run: what a scenario's function gets, and the loop of rounds behind Measure.
//
// See doc.go for an overview.

package bench

import (
	"context"
	"fmt"
	"runtime/pprof"
	"strconv"
	"time"
)

// Run is one measurement of one case. A scenario's function sets up its world,
// calls Measure once with the loop, and takes its world down again.
type Run struct {
	Params

	ctx     context.Context
	goal    Benchtime
	sources sources
	before  counters
	after   counters
	extra   sums
	latency string // unit of the latencies, behind the quantile's name
	perf    PerfEvents
	result  *Result

	profiles []HeapSamples // of the last round
}

// Context ends when the run is interrupted.
func (r *Run) Context() context.Context { return r.ctx }

// Latencies names the unit of what workers Record: "ns", or "latency-ns". The
// quantile's name is put before it.
func (r *Run) Latencies(unit string) { r.latency = unit }

// Report adds a figure that belongs to the case and not to a worker.
func (r *Run) Report(unit string, v float64) { r.extra.add(unit, v) }

// Measure calls loop with rounds of growing length until one lasts as long as
// was asked for. That round is the result; the ones before it warm up. It
// returns the context's error when the run is interrupted. A panic of a worker
// passes through.
func (r *Run) Measure(loop func(*Round)) error {
	n := r.goal.first()
	for {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		round := &Round{N: n, ctx: r.ctx, counting: counting{events: r.perf.events}}
		round.began = func() { r.before = r.sources.read() }
		round.ended = func() { r.after = r.sources.read(); r.profileHeaps() }
		loop(round)
		if err := r.ctx.Err(); err != nil {
			return err
		}
		took, err := round.span()
		if err != nil {
			return err
		}
		if r.goal.settled(n, took) {
			r.result, err = r.sum(round, took)
			return err
		}
		n = r.goal.next(n, took)
	}
}

// span returns the time from the first start to the last end.
func (r *Round) span() (time.Duration, error) {
	var first, last time.Time
	for _, w := range r.workers {
		if !w.measured {
			continue
		}
		if w.stop.IsZero() {
			return 0, fmt.Errorf("worker %d began and never ended", w.ID)
		}
		if first.IsZero() || w.start.Before(first) {
			first = w.start
		}
		if w.stop.After(last) {
			last = w.stop
		}
	}
	if first.IsZero() {
		return 0, fmt.Errorf("no worker was measured")
	}
	return last.Sub(first), nil
}

// sum makes the result of a round: the mean over the workers of each one's own
// time per operation, then the quantiles and the counts.
func (r *Run) sum(round *Round, took time.Duration) (*Result, error) {
	var nsPerOp float64
	var measured int
	var perOp, perSec sums
	for _, w := range round.workers {
		for _, v := range w.perOp {
			perOp.add(v.Unit, v.V)
		}
		for _, v := range w.perSec {
			perSec.add(v.Unit, v.V)
		}
		if w.measured {
			measured++
			nsPerOp += float64(w.elapsed().Nanoseconds()) / float64(round.N)
		}
	}
	ops := float64(round.N) * float64(measured)
	res := &Result{Iters: round.N, Elapsed: took, Latency: mergeLatencies(round.workers)}
	values := sums{{"ns/op", nsPerOp / float64(measured)}}
	if res.Latency != nil {
		for _, q := range quantiles {
			values.add(q.name+"-"+r.latency, float64(res.Latency.ValueAtPercentile(q.at)))
		}
	}
	for _, v := range perOp {
		values.add(v.Unit, v.V/ops)
	}
	for _, v := range perSec {
		values.add(v.Unit, v.V/took.Seconds())
	}
	values = append(values, r.counts(ops, took.Seconds())...)
	counted, err := round.perfFigures(ops)
	res.Values = append(values, counted...)
	return res, err
}

// Do measures one case once. An error says why there is no result: the context's
// when interrupted, a *PanicError when the scenario died, else the scenario's own.
func Do(ctx context.Context, c *Case, goal Benchtime) (*Result, error) {
	return (&Plan{Benchtime: goal}).do(ctx, c)
}

// do measures one case as the plan says.
func (p *Plan) do(ctx context.Context, c *Case) (res *Result, err error) {
	if c.Skip != "" {
		return nil, fmt.Errorf("%s: skipped: %s", c.Name(), c.Skip)
	}
	defer func() {
		if v := recover(); v != nil {
			res, err = nil, panicked(c, v)
		}
	}()
	r := &Run{Params: c.Params, ctx: ctx, goal: p.Benchtime.orDefault(), perf: p.Perf}
	p.running.Store(&r.sources)
	defer p.running.Store(nil)
	defer p.Sampling.start(c, &r.sources)()
	// Goroutines inherit the labels, so that a profile of a whole run can be
	// taken apart by scenario.
	pprof.Do(ctx, c.labels(), func(ctx context.Context) {
		r.ctx = ctx // workers add their role to its labels
		err = c.variant.Run(r)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name(), err)
	}
	if r.result == nil {
		return nil, fmt.Errorf("%s: the scenario measured nothing", c.Name())
	}
	if p.HeapProfile != nil {
		p.HeapProfile(c, r.profiles)
	}
	r.result.Case = c
	r.result.Values = append(r.result.Values, r.extra...)
	sortValues(r.result.Values)
	return r.result, nil
}

// labels are the case's labels in profiles: the scenario, its keys, its CPUs.
func (c *Case) labels() pprof.LabelSet {
	args := []string{"scenario", c.Scenario.Name, "cpus", strconv.Itoa(c.Params.CPUs)}
	for _, k := range c.Keys {
		args = append(args, k.Name, k.Value)
	}
	return pprof.Labels(args...)
}
