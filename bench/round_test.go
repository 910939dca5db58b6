package bench

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

func newRound(n int) *Round {
	return &Round{N: n, ctx: context.Background(), began: func() {}, ended: func() {}}
}

// gangs are the two ways to run workers.
var gangs = map[string]func(*Round, int, func(*Worker)){
	"CPUs":       (*Round).CPUs,
	"Goroutines": (*Round).Goroutines,
}

// Nobody starts before all are ready, and all work is done exactly.
func TestGateHoldsAll(t *testing.T) {
	for name, gang := range gangs {
		t.Run(name, func(t *testing.T) {
			const workers, n = 5, 20_001
			var ready, total atomic.Int64
			r := newRound(n)
			r.began = func() {
				if ready.Load() != workers {
					t.Errorf("the gate opened for %d of %d", ready.Load(), workers)
				}
			}
			var ended atomic.Int32
			r.ended = func() { ended.Add(1) }
			gang(r, workers, func(w *Worker) {
				time.Sleep(time.Duration(w.ID) * time.Millisecond)
				ready.Add(1)
				if w.ID == workers-1 {
					w.Attend()
					for w.Running() {
						time.Sleep(time.Millisecond)
					}
					return
				}
				w.Begin()
				if ready.Load() != workers {
					t.Errorf("worker %d started beside %d of %d", w.ID, ready.Load(), workers)
				}
				for w.Next() {
					total.Add(int64(w.Chunk))
				}
				w.End()
			})
			if got := total.Load(); got != (workers-1)*n {
				t.Errorf("%d operations, want %d", got, (workers-1)*n)
			}
			if ended.Load() != 1 {
				t.Errorf("ended was called %d times", ended.Load())
			}
		})
	}
}

// Warming up comes before the clock and the gate, as long as the round at most, also
// with a worker that serves.
func TestWarmUp(t *testing.T) {
	for name, tc := range map[string]struct{ n, chunks, want int }{
		"some chunks":      {n: 100 * defaultChunk, chunks: 7, want: 7},
		"as many as N has": {n: 2*defaultChunk + 1, chunks: 7, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			const workers = 3
			var warmed, measured atomic.Int64
			r := newRound(tc.n)
			r.began = func() {
				if got := warmed.Load(); got != int64(workers*tc.want*defaultChunk) {
					t.Errorf("the gate opened after %d operations of %d", got, workers*tc.want*defaultChunk)
				}
			}
			r.Goroutines(workers+1, func(w *Worker) {
				if w.ID == workers {
					w.Serve()
					return
				}
				w.BeginAfter(tc.chunks)
				for n := 0; w.Next(); n++ {
					if n < tc.want {
						warmed.Add(int64(w.Chunk))
					} else {
						measured.Add(int64(w.Chunk))
					}
				}
				w.End()
			})
			if got := measured.Load(); got != int64(workers*tc.n) {
				t.Errorf("%d operations, want %d", got, workers*tc.n)
			}
		})
	}
}

// Who is interrupted while it warms up, in its loop or where it waits for another, comes
// to the gate all the same.
func TestWarmUpInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	opened := false
	r := newRound(100 * defaultChunk)
	r.ctx, r.began = ctx, func() { opened = true }
	r.Goroutines(3, func(w *Worker) {
		w.BeginAfter(50)
		for w.Next() {
			if w.ID == 2 {
				cancel()
				break
			}
			for !w.Halted() {
				time.Sleep(time.Millisecond)
			}
		}
		w.End()
	})
	if !opened {
		t.Error("the gate did not open")
	}
}

// A worker that dies before the start takes nobody with it.
func TestWorkerDies(t *testing.T) {
	for name, gang := range gangs {
		for _, at := range []string{"before the start", "in the loop"} {
			t.Run(name+" "+at, func(t *testing.T) {
				reason := errors.New("the reason")
				var p *smp.PanicError
				func() {
					defer func() { p, _ = recover().(*smp.PanicError) }()
					gang(newRound(1<<40), 3, func(w *Worker) {
						if w.ID == 1 && at == "before the start" {
							panic(reason)
						}
						w.Begin()
						for w.Next() {
							if w.ID == 1 {
								panic(reason)
							}
						}
						w.End()
					})
				}()
				if p == nil || p.Value != reason {
					t.Fatalf("the caller recovered %v", p)
				}
				if len(p.Stack) == 0 {
					t.Error("no stack")
				}
			})
		}
	}
}

func TestRoundTakesOneGang(t *testing.T) {
	r := newRound(1)
	body := func(w *Worker) { w.Begin(); w.End() }
	r.Goroutines(1, body)
	defer func() {
		if recover() == nil {
			t.Error("a second gang was accepted")
		}
	}()
	r.Goroutines(1, body)
}

// Figures of a round: time per worker, counts per operation and second.
func TestSum(t *testing.T) {
	t0 := time.Now()
	worker := func(took time.Duration, retries float64) *Worker {
		w := &Worker{measured: true, start: t0, stop: t0.Add(took)}
		w.PerOp("retries/op", retries)
		w.Record(took)
		return w
	}
	updater := &Worker{}
	updater.PerSec("updates/s", 500)
	round := &Round{N: 100, workers: []*Worker{worker(100*time.Microsecond, 10), worker(300*time.Microsecond, 30), updater}}
	took, err := round.span()
	if err != nil || took != 300*time.Microsecond {
		t.Fatalf("span %v, %v", took, err)
	}
	r := &Run{latency: "ns"}
	r.before = counters{trips: 5, caches: true}
	r.after = counters{trips: 25, caches: true}
	res, err := r.sum(round, 500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for unit, want := range map[string]float64{
		"ns/op":         2000,
		"retries/op":    0.2,
		"updates/s":     1000,
		"lock-trips/op": 0.1,
	} {
		if got, _ := res.Get(unit); got != want {
			t.Errorf("%s is %v, want %v", unit, got, want)
		}
	}
	if p99, _ := res.Get("p99-ns"); p99 < 300_000 || p99 > 301_000 {
		t.Errorf("p99-ns is %v, want 300,000 to three digits", p99)
	}
}

func TestSpanWantsBeginAndEnd(t *testing.T) {
	for name, w := range map[string]*Worker{
		"nobody measured": {},
		"no end":          {measured: true, start: time.Now()},
	} {
		if _, err := (&Round{workers: []*Worker{w}}).span(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
