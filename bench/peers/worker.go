// Workers: bound threads that start together and are timed one by one.

package peers

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

// worker is one thread of a workload. It belongs to its goroutine.
type worker struct {
	id    int
	gang  *gang
	rng   random
	start time.Time
	warm  int // chunks until begin
	ops   int
	took  time.Duration

	_ [smp.LinePad]byte // neighbours write ops and rng
}

// gang is the workers of one run.
type gang struct {
	time    time.Duration
	waiting atomic.Int32 // workers that are not ready
	workers []worker
}

// run runs body on n workers and returns nanoseconds per operation and worker,
// and the number of operations.
func run(n int, d time.Duration, body func(*worker)) (nsPerOp float64, ops int) {
	g := &gang{time: d, workers: make([]worker, n)}
	g.waiting.Store(int32(n))
	var next atomic.Int32
	smp.Run(n, func(*smp.CPU) {
		id := int(next.Add(1)) - 1
		w := &g.workers[id]
		w.id, w.gang, w.rng = id, g, random(0x9e3779b97f4a7c15*uint64(id+1))
		body(w)
	})
	var took time.Duration
	for i := range g.workers {
		if w := &g.workers[i]; w.ops > 0 {
			ops += w.ops
			took += w.took
		}
	}
	return float64(took) / float64(max(ops, 1)), ops
}

// begin waits until all workers are ready, then starts this worker's clock.
func (w *worker) begin() {
	w.gang.waiting.Add(-1)
	for spins := 0; w.gang.waiting.Load() > 0; spins++ {
		relax(spins)
	}
	w.start = time.Now()
}

// beginAfter lets n chunks pass first.
func (w *worker) beginAfter(n int) { w.warm = n }

// serve is begin for who does not wait, as others need it to warm up.
func (w *worker) serve() {
	w.gang.waiting.Add(-1)
	w.start = time.Now()
}

// more books a chunk of operations and tells whether there is time for another.
func (w *worker) more(ops int) bool {
	if w.warm > 0 {
		if w.warm--; w.warm == 0 {
			w.begin()
		}
		return true
	}
	w.ops += ops
	w.took = time.Since(w.start)
	return w.took < w.gang.time
}

// random is the state of the random source of the C programs. Loops keep it in a
// register, as those do.
type random uint64

func (r random) step() random {
	r ^= r << 13
	r ^= r >> 7
	return r ^ r<<17
}

// below returns r's number under n.
func (r random) below(n uint32) uint32 { return uint32(uint64(r>>32) * uint64(n) >> 32) }

// below steps the worker's own source, for workloads that a call costs more
// than it does.
func (w *worker) below(n uint32) uint32 {
	w.rng = w.rng.step()
	return w.rng.below(n)
}

// relax is one turn of a wait: now and then the processor for somebody else.
func relax(spins int) {
	if spins%1024 == 1023 {
		runtime.Gosched()
	}
}
