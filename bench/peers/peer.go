// The peers: what each does to allocate and to free, and its loops of Pair.

package peers

import "sync"

// object is the types that the workloads allocate, by size: 16 to 1,024 bytes.
type object interface {
	[2]uint64 | [4]uint64 | [8]uint64 | [16]uint64 | [32]uint64 | [64]uint64 | [128]uint64
}

// peer is one worker's handle on an allocator.
type peer[T object] interface {
	alloc(word uint64) *T // writes word into the object
	free(*T)
	pair(n int)      // n times: allocate, write a word, free
	pairOfTwo(n int) // the same with two live, n/2 times
}

// goHeap is new. An object is freed when nothing points to it.
type goHeap[T object] struct {
	p, q *T // where Pair's objects escape to: on the stack they would cost nothing
}

func (h *goHeap[T]) alloc(word uint64) *T {
	p := new(T)
	(*p)[0] = word
	return p
}

func (h *goHeap[T]) free(*T) {}

func (h *goHeap[T]) pair(n int) {
	for i := range n {
		h.p = new(T)
		(*h.p)[0] = uint64(i)
	}
}

func (h *goHeap[T]) pairOfTwo(n int) {
	for i := 0; i < n; i += 2 {
		h.p = new(T)
		(*h.p)[0] = uint64(i)
		h.q = new(T)
		(*h.q)[0] = uint64(i)
	}
}

// syncPool is one sync.Pool, shared by the workers as it is meant to be.
type syncPool[T object] struct{ pool *sync.Pool }

func newSyncPool[T object]() func() peer[T] {
	pool := &sync.Pool{New: func() any { return new(T) }}
	return func() peer[T] { return syncPool[T]{pool} }
}

func (s syncPool[T]) alloc(word uint64) *T {
	p := s.pool.Get().(*T)
	(*p)[0] = word
	return p
}

func (s syncPool[T]) free(p *T) { s.pool.Put(p) }

func (s syncPool[T]) pair(n int) {
	for i := range n {
		p := s.pool.Get().(*T)
		(*p)[0] = uint64(i)
		s.pool.Put(p)
	}
}

func (s syncPool[T]) pairOfTwo(n int) {
	for i := 0; i < n; i += 2 {
		p := s.pool.Get().(*T)
		(*p)[0] = uint64(i)
		q := s.pool.Get().(*T)
		(*q)[0] = uint64(i)
		s.pool.Put(p)
		s.pool.Put(q)
	}
}
