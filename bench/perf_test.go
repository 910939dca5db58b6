package bench

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/perfevent"
)

// perfOf counts events that every Linux counts.
func perfOf(t *testing.T, events ...perfevent.Event) counting {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, e := range events {
		if err := perfevent.Missing(e); err != nil {
			t.Skipf("no perf events here: %v", err)
		}
	}
	return counting{events: events}
}

// burn is work that takes CPU time.
func burn(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
	}
}

// Counters run while a worker's clock runs. On emulated CPUs those of others, and
// what a worker does before and after, do not count.
func TestPerfCounts(t *testing.T) {
	const n, workers = 1000, 2
	for name, gang := range gangs {
		t.Run(name, func(t *testing.T) {
			r := newRound(n)
			r.counting = perfOf(t, perfevent.TaskClock)
			gang(r, workers+1, func(w *Worker) {
				if w.ID == workers {
					w.Attend()
					for w.Running() {
						burn(time.Millisecond)
					}
					return
				}
				burn(20 * time.Millisecond)
				w.Begin()
				burn(10 * time.Millisecond)
				w.End()
				burn(20 * time.Millisecond)
			})
			got, err := r.perfFigures(n * workers)
			if err != nil || len(got) != 1 || got[0].Unit != "task-clock/op" {
				t.Fatalf("%v, %v", got, err)
			}
			// 10 ms in a thousand operations, or less when others have the CPU; with
			// goroutines the company counts too.
			if limit := 11_000.0; got[0].V < 100 || name == "CPUs" && got[0].V > limit {
				t.Errorf("%v ns of CPU time an operation", got[0].V)
			}
		})
	}
}

// Work that moves to another thread has no figures, rather than wrong ones. A
// worker that dies leaves no counter open.
func TestPerfLost(t *testing.T) {
	r := newRound(10)
	r.counting = perfOf(t, perfevent.PageFaults)
	r.CPUs(1, func(w *Worker) {
		w.Begin()
		w.successor(func() {})
		w.End()
	})
	if got, err := r.perfFigures(10); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	r = newRound(10)
	r.counting = perfOf(t, perfevent.PageFaults)
	func() {
		defer func() { recover() }()
		r.CPUs(1, func(w *Worker) {
			w.Begin()
			panic("planted")
		})
	}()
	if r.workers[0].perf.open != nil {
		t.Error("the counters of a dead worker are open")
	}
}

// An event that cannot be counted is an error of the case, not a zero.
func TestPerfFails(t *testing.T) {
	if perfevent.Missing(perfevent.LLCMisses) == nil {
		t.Skip("this machine counts everything")
	}
	for name, gang := range gangs {
		r := newRound(10)
		r.counting = counting{events: []perfevent.Event{perfevent.LLCMisses}}
		gang(r, 1, func(w *Worker) {
			w.Begin()
			w.End()
		})
		if got, err := r.perfFigures(10); err == nil {
			t.Errorf("%s: %v without perf events", name, got)
		}
	}
}

// A turn that never came is not a zero.
func TestPerfShares(t *testing.T) {
	r := &Round{perf: []perfevent.Count{
		{Event: perfevent.Cycles, N: 100, Share: 1},
		{Event: perfevent.LLCMisses, N: 0, Share: 0},
		{Event: perfevent.Cycles, N: 200, Share: 0.5},
	}}
	got, err := r.perfFigures(10)
	if err != nil || len(got) != 1 || got[0] != (Value{"cycles/op", 30}) {
		t.Errorf("%v, %v", got, err)
	}
}

// Whatever the machine has: what is missing is said in one line, the rest is in
// the results.
func TestPerfEvents(t *testing.T) {
	p, missing := NewPerfEvents()
	if strings.Contains(missing, "\n") || len(p.events) < 6 && missing == "" {
		t.Errorf("%d events, missing %q", len(p.events), missing)
	}
	t.Logf("%v; %s", p.events, missing)
	plan, err := NewPlan(Options{Pattern: "GrowShrink", Benchtime: Benchtime{N: 2000}, Selection: Selection{Sizes: []int{64}, CPUs: []int{1}}})
	if err != nil {
		t.Fatal(err)
	}
	plan.Perf = p
	err = plan.Run(context.Background(), func(*Case) {}, func(o Outcome) error {
		if o.Err != nil {
			return o.Err
		}
		for _, e := range p.events {
			if _, ok := o.Result.Get(e.String() + "/op"); !ok {
				t.Errorf("%s: no %s/op in %v", o.Case.Name(), e, o.Result.Values)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
