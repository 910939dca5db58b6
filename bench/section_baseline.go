// Baselines of ReadSection: the ways in which Go programs read shared data.
//
// See doc.go for an overview.

package bench

import (
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
)

// sectionMutex takes one mutex that all readers share.
func sectionMutex(r *Run) error {
	shared := published()
	return r.Measure(func(round *Round) {
		var mu sync.Mutex
		round.Goroutines(r.CPUs, func(w *Worker) {
			var sum uint64
			w.Role("reader")
			w.Begin()
			for w.Next() {
				for range w.Chunk {
					mu.Lock()
					sum += shared.Load().value
					mu.Unlock()
				}
			}
			w.End()
			w.keep(sum)
		})
	})
}

// sectionRWMutex takes one read lock that all readers share.
func sectionRWMutex(r *Run) error {
	shared := published()
	return r.Measure(func(round *Round) {
		var mu sync.RWMutex
		round.Goroutines(r.CPUs, func(w *Worker) {
			var sum uint64
			w.Role("reader")
			w.Begin()
			for w.Next() {
				for range w.Chunk {
					mu.RLock()
					sum += shared.Load().value
					mu.RUnlock()
				}
			}
			w.End()
			w.keep(sum)
		})
	})
}

// counted is an object with a reference count, on lines of their own.
type counted struct {
	refs atomic.Int64
	_    [smp.LinePad]byte
	record
}

// sectionRefcount takes and drops a reference to the object itself. Reading a
// pointer and then counting is not safe by itself; it is what the safe ways cost
// at least.
func sectionRefcount(r *Run) error {
	var shared atomic.Pointer[counted]
	shared.Store(&counted{record: record{value: 1}})
	return r.Measure(func(round *Round) {
		round.Goroutines(r.CPUs, func(w *Worker) {
			var sum uint64
			w.Role("reader")
			w.Begin()
			for w.Next() {
				for range w.Chunk {
					p := shared.Load()
					p.refs.Add(1)
					sum += p.value
					p.refs.Add(-1)
				}
			}
			w.End()
			w.keep(sum)
		})
	})
}

// sectionPointer loads the pointer and leaves the rest to the collector.
func sectionPointer(r *Run) error {
	shared := published()
	return r.Measure(func(round *Round) {
		round.Goroutines(r.CPUs, func(w *Worker) {
			var sum uint64
			w.Role("reader")
			w.Begin()
			for w.Next() {
				for range w.Chunk {
					sum += shared.Load().value
				}
			}
			w.End()
			w.keep(sum)
		})
	})
}
