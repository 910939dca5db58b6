// The loops, in the shapes that README.md gives.

package peers

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
)

// What passes before the clock starts, here as in slabbench and in the C programs.
const (
	warmBatches  = 16   // of Batch10k and Sh6
	warmProdCons = 4096 // batches of 256
)

// suite is the workloads over one peer.
type suite[T object] struct {
	handle func() peer[T] // called once on each worker
	rings  []ring[T]      // of ProdCons, one for each pair of workers
}

func (s *suite[T]) pair(w *worker) {
	const chunk = 1 << 14
	a := s.handle()
	w.begin()
	for ok := true; ok; ok = w.more(chunk) {
		a.pair(chunk)
	}
}

func (s *suite[T]) pairOfTwo(w *worker) {
	const chunk = 1 << 14
	a := s.handle()
	w.begin()
	for ok := true; ok; ok = w.more(chunk) {
		a.pairOfTwo(chunk)
	}
}

func (s *suite[T]) batch10k(w *worker) {
	const n = 10_000
	a := s.handle()
	p := make([]*T, n)
	w.beginAfter(warmBatches)
	for ok := true; ok; ok = w.more(n) {
		for i := range p {
			p[i] = a.alloc(uint64(i))
		}
		for i := range p {
			a.free(p[i])
			p[i] = nil // the Go heap's objects are freed by this
		}
	}
}

func (s *suite[T]) randomLive(w *worker) {
	const n, chunk = 100_000, 1 << 12
	a := s.handle()
	p := make([]*T, n)
	for i := range p {
		p[i] = a.alloc(0)
	}
	rng := w.rng
	w.begin()
	for ok := true; ok; ok = w.more(chunk) {
		for i := range chunk {
			fresh := a.alloc(uint64(i))
			rng = rng.step()
			k := rng.below(n)
			old := p[k]
			p[k] = fresh
			a.free(old)
		}
	}
}

// ring is the bounded ring between a producer and a consumer.
type ring[T object] struct {
	_      [smp.LinePad]byte
	head   atomic.Uint64 // batches consumed; the consumer writes it
	_      [smp.LinePad]byte
	tail   atomic.Uint64 // batches produced; the producer writes it
	_      [smp.LinePad]byte
	closed atomic.Bool // set after the last batch
	slot   [16][256]*T
	sum    uint64 // of the words read; the consumer's
}

func (s *suite[T]) prodCons(w *worker) {
	r := &s.rings[w.id/2]
	if w.id%2 == 0 {
		r.produce(w, s.handle())
	} else {
		r.consume(w, s.handle())
	}
}

func (r *ring[T]) produce(w *worker, a peer[T]) {
	w.beginAfter(warmProdCons)
	tail := uint64(0)
	for ok := true; ok; ok = w.more(len(r.slot[0])) {
		for spins := 0; tail-r.head.Load() == uint64(len(r.slot)); spins++ {
			relax(spins)
		}
		batch := &r.slot[tail%uint64(len(r.slot))]
		for i := range batch {
			batch[i] = a.alloc(uint64(i))
		}
		tail++
		r.tail.Store(tail)
	}
	r.closed.Store(true)
}

func (r *ring[T]) consume(w *worker, a peer[T]) {
	w.serve()
	for head := uint64(0); ; head++ {
		for spins := 0; head == r.tail.Load(); spins++ {
			if r.closed.Load() && head == r.tail.Load() {
				return
			}
			relax(spins)
		}
		batch := &r.slot[head%uint64(len(r.slot))]
		for i, p := range batch {
			r.sum += (*p)[0]
			a.free(p)
			batch[i] = nil
		}
		r.head.Store(head + 1)
	}
}

func (s *suite[T]) sh6(w *worker) {
	const n, window = 10_000, 2_000
	a := s.handle()
	p := make([]*T, n)
	w.beginAfter(warmBatches)
	for low, ok := 0, true; ok; ok = w.more(n - window) {
		for i := range p {
			if p[i] == nil {
				p[i] = a.alloc(uint64(i))
			}
		}
		for i := range low {
			a.free(p[i])
			p[i] = nil
		}
		for i := n - 1; i >= low+window; i-- {
			a.free(p[i])
			p[i] = nil
		}
		low = (low + window) % n
	}
}
