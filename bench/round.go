// One round: a gang of workers that start together and are timed one by one.
//
// See doc.go for an overview.

package bench

import (
	"context"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/slabrcu/slabrcu/internal/perfevent"
	"github.com/slabrcu/slabrcu/smp"
)

// Round is one run of a scenario's loop with a given number of iterations. A
// body gets it from Run.Measure, starts one gang on it, and returns.
type Round struct {
	N int // iterations for each measured worker

	ctx     context.Context
	gate    gate
	began   func() // runs when everybody is ready, before anybody starts
	ended   func() // runs when the last measured worker has ended
	workers []*Worker
	claimed atomic.Int32
	busy    atomic.Int32 // measured workers that have not ended
	halt    atomic.Bool  // give up: interrupted, or a worker died

	counting counting
	perf     []perfevent.Count // of the process
}

// Worker is one member of a gang. It belongs to its goroutine.
type Worker struct {
	ID    int      // 0 .. workers-1
	CPU   *smp.CPU // its emulated CPU; nil for a plain goroutine
	N     int      // iterations of the round
	Chunk int      // iterations until the next call of Next

	round    *Round
	left     int // iterations that no chunk has taken yet
	warming  int // chunks until Begin, and one
	maxChunk int
	measured bool
	start    time.Time
	stop     time.Time
	perOp    sums
	perSec   sums
	latency  *hdrhistogram.Histogram
	perf     perfCounters
	sink     uint64

	_ [smp.LinePad]byte // Chunk is written while neighbours run
}

// defaultChunk is how many iterations pass between two looks at the round. At
// a nanosecond each the look costs nothing that can be measured, and at 20 µs
// each an interrupt is answered within a sixth of a second.
const defaultChunk = 8192

// CPUs runs body on n emulated CPUs at once and returns when all are done. A
// panic in a body reaches the caller as *smp.PanicError.
func (r *Round) CPUs(n int, body func(*Worker)) {
	r.enlist(n)
	defer r.watch()()
	smp.Run(n, func(c *smp.CPU) {
		w := r.workers[r.claimed.Add(1)-1]
		w.CPU = c
		w.work(body)
	})
}

// Goroutines runs body in n plain goroutines at once, which the scheduler
// moves as it likes, and returns when all are done. A panic in a body reaches
// the caller as *smp.PanicError with CPU -1.
func (r *Round) Goroutines(n int, body func(*Worker)) {
	r.enlist(n)
	defer r.watch()()
	r.counting.openProcess()
	defer func() { r.perf = r.counting.closeProcess() }()
	var wg sync.WaitGroup
	var died atomic.Pointer[smp.PanicError]
	for _, w := range r.workers {
		wg.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					died.CompareAndSwap(nil, &smp.PanicError{CPU: -1, Value: v, Stack: debug.Stack()})
				}
			}()
			w.work(body)
		})
	}
	wg.Wait()
	if p := died.Load(); p != nil {
		panic(p)
	}
}

// enlist makes the workers of the round's gang.
func (r *Round) enlist(n int) {
	if r.workers != nil {
		panic("bench: Round: a second gang on one round; legal is one")
	}
	r.workers = make([]*Worker, n)
	for i := range r.workers {
		r.workers[i] = &Worker{ID: i, N: r.N, left: r.N, maxChunk: defaultChunk, round: r}
	}
	r.gate.init(n, func() {
		r.began()
		r.counting.begin()
	})
}

// watch makes the workers stop when the context ends. The function that it
// returns ends the watch.
func (r *Round) watch() (cancel func() bool) {
	return context.AfterFunc(r.ctx, func() { r.halt.Store(true) })
}

// work runs one body and, when it dies, releases those who would wait for it.
func (w *Worker) work(body func(*Worker)) {
	alive := false
	defer func() {
		w.perf.abandon()
		if alive {
			return
		}
		w.round.halt.Store(true)
		w.round.gate.fail()
		if v := recover(); v != nil && v != errBroken {
			panic(v)
		}
	}()
	w.Role("worker")
	body(w)
	alive = true
}

// Role names what the worker does in profiles, as the label "role". A scenario
// whose workers differ says so before they start; otherwise it is "worker".
func (w *Worker) Role(name string) {
	pprof.SetGoroutineLabels(pprof.WithLabels(w.round.ctx, pprof.Labels("role", name)))
}

// Begin waits until every worker of the gang is ready, then starts this
// worker's clock. Workers that call Begin are measured; each calls it once.
func (w *Worker) Begin() {
	w.measured = true
	w.round.busy.Add(1)
	w.prepare()
	w.round.gate.wait()
	w.perf.start()
	w.start = time.Now()
}

// BeginAfter lets Next hand out chunks of warming up first, and calls Begin after
// them: as many as the round has, and n at most. Arrays grow with the use that is made
// of them, and memory is touched for the first time, which is not what a scenario asks
// that lasts.
func (w *Worker) BeginAfter(n int) {
	w.warming = min(n, (w.left+w.maxChunk-1)/w.maxChunk) + 1
}

// warm takes a chunk of warming up from those that are left, and begins after the last.
func (w *Worker) warm() (more bool) {
	if w.warming--; w.warming > 0 && !w.round.halt.Load() {
		w.Chunk = w.maxChunk
		return true
	}
	w.warming = 0
	w.Begin() // also who gives up: others wait for it
	return false
}

// End stops the worker's clock.
func (w *Worker) End() {
	if w.warming > 0 {
		w.warming = 0
		w.Begin()
	}
	w.stop = time.Now()
	w.perf.stop()
	if w.round.busy.Add(-1) == 0 {
		w.round.counting.end()
		w.round.ended()
	}
}

// Attend waits like Begin, for a worker that only keeps the others company: it
// loops while Running and is not measured.
func (w *Worker) Attend() {
	w.round.gate.wait()
	w.start = time.Now()
}

// Serve is Attend that does not wait, for a worker that others need to warm up.
func (w *Worker) Serve() {
	w.round.gate.arrive()
	w.start = time.Now()
}

// Running reports whether a measured worker is still at work. Loops that wait
// for another worker ask it too, so that they end when the other died.
func (w *Worker) Running() bool {
	return w.round.busy.Load() > 0 && !w.round.halt.Load()
}

// Halted reports whether the round was given up.
func (w *Worker) Halted() bool { return w.round.halt.Load() }

// SetChunk bounds Chunk; a loop that does something every n iterations, such
// as announcing a quiescent state, sets n.
func (w *Worker) SetChunk(n int) { w.maxChunk = n }

// Next hands out the next Chunk of iterations. It returns false when all are
// done or the round was given up.
func (w *Worker) Next() bool {
	if w.warming > 0 && w.warm() {
		return true
	}
	if w.left <= 0 || w.round.halt.Load() {
		return false
	}
	w.Chunk = min(w.left, w.maxChunk)
	w.left -= w.Chunk
	return true
}

// PerOp adds v to a figure that is reported per operation of the measured
// workers, for example "retries/op". Call it after End.
func (w *Worker) PerOp(unit string, v float64) { w.perOp.add(unit, v) }

// PerSec adds v to a figure that is reported per second.
func (w *Worker) PerSec(unit string, v float64) { w.perSec.add(unit, v) }

// Record files one latency. It costs some 10 ns.
func (w *Worker) Record(d time.Duration) {
	if w.latency == nil {
		w.latency = newLatency()
	}
	recordLatency(w.latency, d)
}

// successor runs body in a fresh goroutine and waits for it. A panic in it is
// the worker's own.
func (w *Worker) successor(body func()) {
	w.perf.lose()
	died := make(chan *smp.PanicError)
	go func() {
		var p *smp.PanicError
		defer func() {
			if v := recover(); v != nil {
				p = &smp.PanicError{CPU: -1, Value: v, Stack: debug.Stack()}
			}
			died <- p
		}()
		body()
	}()
	if p := <-died; p != nil {
		panic(p)
	}
}

// keep takes the sum of what a loop computed, so that the loop has a purpose.
func (w *Worker) keep(v uint64) { w.sink = v }

// elapsed returns the time that a measured worker took.
func (w *Worker) elapsed() time.Duration { return w.stop.Sub(w.start) }
