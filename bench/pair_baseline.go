// Baselines of Pair: what Go itself offers for the same life of an object.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"sync"
)

// goObject is an object of the Go heap with a first word to write to.
type goObject interface {
	[8]uint64 | [16]uint64 | [32]uint64 | [64]uint64 | [128]uint64 | [512]uint64
}

// baseline is one loop for each size: an object's size must be known to the
// compiler, as it is in the programs that we compare with.
type baseline map[int]func(*Run) error

var poolBaseline = baseline{
	64: measurePool[[8]uint64], 128: measurePool[[16]uint64], 256: measurePool[[32]uint64],
	512: measurePool[[64]uint64], 1024: measurePool[[128]uint64], 4096: measurePool[[512]uint64],
}

var newBaseline = baseline{
	64: measureNew[[8]uint64], 128: measureNew[[16]uint64], 256: measureNew[[32]uint64],
	512: measureNew[[64]uint64], 1024: measureNew[[128]uint64], 4096: measureNew[[512]uint64],
}

func (b baseline) run(r *Run) error { return b[r.Size](r) }

// skip says why there is no baseline of a size.
func (b baseline) skip(p Params) string {
	if b[p.Size] == nil {
		return fmt.Sprintf("no baseline of %d bytes; there are 64, 128, 256, 512, 1024 and 4096", p.Size)
	}
	return ""
}

// measurePool is sync.Pool's Get and Put.
func measurePool[B goObject](r *Run) error {
	pool := sync.Pool{New: func() any { return new(B) }}
	return r.Measure(func(round *Round) {
		round.Goroutines(r.CPUs, func(w *Worker) {
			w.Begin()
			for w.Next() {
				for i := range w.Chunk {
					p := pool.Get().(*B)
					(*p)[0] = uint64(i)
					pool.Put(p)
				}
			}
			w.End()
		})
	})
}

// measureNew is the Go heap itself. Freeing is the collector's work, which
// runs beside the loop and slows it down.
func measureNew[B goObject](r *Run) error {
	return r.Measure(func(round *Round) {
		round.Goroutines(r.CPUs, func(w *Worker) {
			w.Begin()
			for w.Next() {
				for i := range w.Chunk {
					p := fresh[B]()
					(*p)[0] = uint64(i)
				}
			}
			w.End()
		})
	})
}

// fresh is not inlined, so that its object escapes to the heap and yet nothing
// has to keep it.
//
//go:noinline
func fresh[B goObject]() *B { return new(B) }
