// Measuring: run the plan, write each result as it comes, end with a table. See
// doc.go for the manual.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/slabrcu/slabrcu/bench"
)

// session is one run of a plan.
type session struct {
	opts     *options
	plan     *bench.Plan
	out      *output
	stderr   io.Writer
	progress progress
	samples  *samples // nil without -sample
	window   *window  // nil without -http
	kmem     *kmemProfile
	results  []*bench.Result
	failures []bench.Outcome
	profiles running
}

func measure(ctx context.Context, stdout, stderr io.Writer, o *options) error {
	plan, err := bench.NewPlan(o.planOptions())
	if err != nil {
		return usageError{err}
	}
	load := bench.LoadAverage()
	s := &session{opts: o, plan: plan, stderr: stderr}
	if err := s.open(stdout); err != nil {
		return err
	}
	announce(stderr, plan)
	s.progress = newProgress(stderr, plan)
	err = plan.Run(ctx, s.starting, s.done)
	s.progress.end()

	interrupted := errors.Is(err, context.Canceled)
	failed := err != nil && !interrupted
	closing := s.close(failed)
	if interrupted && closing != nil {
		fmt.Fprintf(stderr, "slabbench: %v\n", closing) // the status tells of the interrupt
	}
	err = errors.Join(err, closing)
	if !failed {
		s.conclude(load, interrupted)
	}
	if err == nil && len(s.failures) > 0 {
		err = errFailed
	}
	return err
}

// open makes all files before anything is measured: a name that cannot be
// written ends the command at once.
func (s *session) open(stdout io.Writer) (err error) {
	if s.out, err = newOutput(stdout, s.opts.output, bench.Environment(s.opts.layout.String())); err != nil {
		return err
	}
	s.profiles, err = s.opts.profiles.start()
	if err == nil {
		s.samples, err = newSamples(s.opts)
	}
	if err == nil {
		s.kmem, err = openKmemProfile(s.opts.profiles.kmem)
	}
	if err == nil {
		s.window, err = openWindow(s.opts.http, s.plan, s.stderr)
	}
	if err != nil {
		return errors.Join(err, s.close(true))
	}
	s.plan.Sampling = s.sampling()
	s.plan.HeapProfile = s.kmem.take
	if s.opts.perf {
		s.count()
	}
	return nil
}

// count asks for what -perf asks for, and says what this machine cannot count.
func (s *session) count() {
	events, missing := bench.NewPerfEvents()
	s.plan.Perf = events
	if missing != "" {
		fmt.Fprintf(s.stderr, "slabbench: -perf: %s\n", missing)
	}
}

// close ends what open began. After a failure no file stays.
func (s *session) close(failed bool) error {
	return errors.Join(s.profiles.stop(failed), s.kmem.close(failed), s.window.close(), s.samples.close(failed || s.out.records == 0), s.out.close(failed))
}

// sampling is what -sample asks for, and a look a second for -http.
func (s *session) sampling() bench.Sampling {
	every := s.opts.sample
	if every == 0 && s.window != nil {
		every = time.Second
	}
	return bench.Sampling{Every: every, Caches: s.window != nil, To: func(c *bench.Case, x bench.Sample) {
		s.window.sample(x)
		if s.samples != nil {
			s.samples.write(c, x)
		}
	}}
}

// announce says what is going to happen and how long it will take.
func announce(w io.Writer, plan *bench.Plan) {
	if len(plan.Cases) == 0 {
		return
	}
	about := ""
	if d := plan.Estimate(); d >= time.Second {
		about = fmt.Sprintf(", about %v in all", d.Round(time.Second))
	}
	fmt.Fprintf(w, "slabbench: %s of %v each%s\n", plural(len(plan.Cases), "measurement"), plan.Benchtime, about)
}

func (s *session) starting(c *bench.Case) {
	s.progress.starting(c)
	s.window.starting(c)
}

// done takes the outcome of one case. A failed case is said at once and does
// not stop the others; a result that cannot be written does.
func (s *session) done(o bench.Outcome) error {
	defer s.progress.done(o)
	s.window.done(o)
	if o.Err != nil {
		s.failures = append(s.failures, o)
		return nil
	}
	s.results = append(s.results, o.Result)
	s.progress.pause()
	return s.out.write(o.Result)
}

// conclude ends the run with tables for people.
func (s *session) conclude(load float64, interrupted bool) {
	w := s.stderr
	summaries := bench.Summaries(s.results)
	if len(s.results) > 0 {
		writeTables(w, summaries)
		if c := s.opts.compare; len(c) > 0 {
			writeComparison(w, bench.Compare(s.results, "flags", c[0].String(), c[1].String()), c[0].String(), c[1].String())
		}
	}
	writeFailures(w, s.failures)
	writeSkipped(w, s.plan.Skipped)
	if interrupted {
		fmt.Fprintf(w, "\nInterrupted: %d of %s.\n", len(s.results), plural(len(s.plan.Cases), "measurement"))
	}
	writeCaveats(w, append(bench.Caveats(s.opts.cpus, load), bench.SampleCaveats(summaries)...))
	if name := s.opts.output; name != "" && s.out.records > 0 {
		fmt.Fprintf(w, "\nResults are in %s; read them with: go tool benchstat %s\n", name, name)
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
