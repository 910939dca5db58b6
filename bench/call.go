// Call: callbacks queued behind grace periods, from queueing to done.
//
// See doc.go for an overview.

package bench

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
)

var call = &Scenario{
	Name:  "Call",
	Desc:  "Queue callbacks that run after a grace period, as fast as they are done: what deferred freeing costs.",
	Unit:  "callback, from queueing to done",
	Quick: true,
	Variants: []Variant{
		{Axes: updaterAxes(urcu.QSBR), CPUs: onePlusReaders, Run: runCall(busyQSBR)},
		{Axes: updaterAxes(urcu.Memb), CPUs: onePlusReaders, Run: runCall(busyMemb), Skip: needsMembarrier},
		{Axes: updaterAxes(urcu.MB), CPUs: onePlusReaders, Run: runCall(busyMB)},
	},
}

const (
	callsUnderWay = 8192 // callbacks that may be queued at once
	callsTimed    = 64   // one in so many is timed: a clock costs more than a callback
	callsDriven   = 256  // calls between two quiescent points of the updater
)

// queue is the updater's side of the scenario. Its jobs lie off the heap and
// are used in rotation; a job is free again when its callback has run.
type queue struct {
	domain *urcu.Domain
	jobs   []word
	next   int

	mu      sync.Mutex // timed callbacks may run on any goroutine
	latency *hdrhistogram.Histogram
}

// calls is the queue whose callbacks run now. A callback knows nothing but its
// head, so one queue at a time is measured.
var (
	calls     atomic.Pointer[queue]
	callsTurn sync.Mutex
)

// epochStart is where the stamps of jobs count from.
var epochStart = time.Now()

var ranCallback = urcu.NewCallback("bench.call", func(h *urcu.Head) {
	q, j := calls.Load(), jobOf(h)
	if j.queued != 0 {
		q.mu.Lock()
		recordLatency(q.latency, time.Since(epochStart)-time.Duration(j.queued))
		q.mu.Unlock()
	}
	atomic.StoreUint32(&j.busy, 0)
})

// runCall drives callbacks now and then, like a server between requests.
func runCall(reader busy) func(*Run) error {
	return runCalls(reader, func(r *Run, q *queue, w *Worker) { q.run(w, callsDriven, q.domain.Drive) })
}

// runCalls runs an updater that queues callbacks, and readers beside it.
func runCalls(reader busy, updater func(*Run, *queue, *Worker)) func(*Run) error {
	return func(r *Run) error {
		callsTurn.Lock()
		defer callsTurn.Unlock()
		r.Latencies("latency-ns")
		return r.withDomain(func(d *urcu.Domain) error {
			r.CountDomain(d)
			return r.withJobs(func(jobs []word) error {
				return r.Measure(func(round *Round) {
					q := &queue{domain: d, jobs: jobs, latency: newLatency()}
					calls.Store(q)
					round.CPUs(r.CPUs, func(w *Worker) {
						if w.ID > 0 {
							reader(d, w)
							return
						}
						updater(r, q, w)
					})
				})
			})
		})
	}
}

// run queues the round's callbacks in batches, with a quiescent point after each,
// and waits until all have run.
func (q *queue) run(w *Worker, batch int, quiescent func()) {
	w.SetChunk(batch)
	w.Role("updater")
	w.Begin()
	for w.Next() {
		for i := range w.Chunk {
			j := q.free()
			if i%callsTimed == 0 {
				j.queued = int64(time.Since(epochStart))
			} else {
				j.queued = 0
			}
			q.domain.Call(&j.head, ranCallback)
		}
		quiescent()
	}
	q.domain.Barrier()
	w.End()
	q.mu.Lock()
	w.latency = q.latency
	q.mu.Unlock()
}

// free returns the job whose turn it is, once its last callback has run.
func (q *queue) free() *job {
	j := jobAt(&q.jobs[q.next])
	if q.next++; q.next == len(q.jobs) {
		q.next = 0
	}
	for atomic.LoadUint32(&j.busy) != 0 {
		q.domain.Drive()
		runtime.Gosched()
	}
	j.busy = 1 // nobody else looks until Call has queued it, as in the peer's loop
	return j
}

// withJobs runs body with jobs off the heap, where heads live.
func (r *Run) withJobs(body func([]word) error) (err error) {
	h, err := kmem.NewHeap(kmem.HeapOptions{Name: "bench-calls", Reserve: r.reserve()})
	if err != nil {
		return err
	}
	c, err := h.NewCache("jobs", jobSize, kmem.CacheOptions{})
	if err != nil {
		return err
	}
	defer closeHeap(h, &err, c)
	jobs := fill(c, callsUnderWay, c.Alloc)
	defer func() {
		for i := range jobs {
			c.Free(jobs[i].pointer())
		}
	}()
	for i := range jobs {
		*jobAt(&jobs[i]) = job{}
	}
	return body(jobs)
}
