package rcumap

import (
	"fmt"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mutant"
	"github.com/slabrcu/slabrcu/kmem"
)

// newFullMap makes a map on a heap with a limit.
func newFullMap[V any](t *testing.T, limit uintptr, o Options) (*kmem.Heap, *Map[uint64, V]) {
	t.Helper()
	h := newTestHeap(t, kmem.HeapOptions{Limit: limit})
	m, err := New[uint64, V](h, o)
	must(t, err)
	endChecked(t, m)
	return h, m
}

// TestShrinkerEvicts: a map as a cache, whose entries go when the heap has no memory. The
// shrinker runs in Store, and deletes from whichever stripe.
func TestShrinkerEvicts(t *testing.T) {
	h, m := newFullMap[[8]uint64](t, 2<<20, Options{})
	oldest, evicted := uint64(0), 0
	cancel := h.RegisterShrinker(func(uintptr) (freed uintptr) {
		for range 64 {
			if m.Delete(oldest) {
				freed += 88
				evicted++
			}
			oldest++
		}
		return freed
	})
	mutant.Ends(t, func() {
		for k := range uint64(50_000) {
			if m.Store(k, [8]uint64{k}) != nil {
				break
			}
		}
	})
	cancel()
	if evicted == 0 {
		t.Error("nothing was evicted")
	}
	check(t, m)
}

// TestCallbackDeletes: so may a callback of the heap's domain, which runs where nodes are
// freed: in Clear.
func TestCallbackDeletes(t *testing.T) {
	h, m := newFullMap[[60]uint64](t, 2<<20, Options{Stripes: 1})
	mutant.Ends(t, func() {
		for round := range uint64(8) {
			for k := uint64(0); ; k++ {
				if k%16 == 0 {
					h.Domain().Defer(func() { m.Delete(1) })
				}
				if m.Store(round<<32+k, [60]uint64{k}) != nil {
					break
				}
			}
			m.Clear()
		}
	})
	h.Domain().Barrier()
	check(t, m)
}

// TestMapShrinkerPanics: the panic reaches who stores, and no stripe stays locked.
func TestMapShrinkerPanics(t *testing.T) {
	h, m := newFullMap[[8]uint64](t, 2<<20, Options{})
	cancel := h.RegisterShrinker(func(uintptr) uintptr { panic("shrinker") })
	last := uint64(0)
	func() {
		defer func() {
			if recover() != "shrinker" {
				t.Error("no panic")
			}
		}()
		for ; m.Store(last, [8]uint64{last}) == nil; last++ {
		}
	}()
	cancel()
	mutant.Ends(t, func() {
		_ = m.Store(last, [8]uint64{})
		m.Range(func(uint64, [8]uint64) bool { return true })
	})
	check(t, m)
}

// TestHalfGrown: a table of half a million buckets grows by two chunks, and there is
// memory for one: then it does not grow, whether its directory doubles or not.
func TestHalfGrown(t *testing.T) {
	for _, doubles := range []bool{true, false} {
		t.Run(fmt.Sprint("doubles=", doubles), func(t *testing.T) {
			_, m := newFullMap[uint64](t, 40<<20, Options{Capacity: 1 << 18, Stripes: 64})
			next, frontier := uint64(0), m.table.Load().frontier
			store := func() bool {
				err := m.Store(next, next)
				if err == nil {
					next++
				}
				return err == nil
			}
			isFull := func() bool {
				for i := range m.stripes {
					if m.stripes[i].count*64*perEntry >= frontier {
						return true
					}
				}
				return false
			}
			for m.table.Load().frontier == frontier && !(doubles && isFull()) {
				store()
			}
			var nodes []*node[uint64, uint64] // free ones on slabs that nobody can take
			for range 40_000 {
				nodes = append(nodes, m.any.alloc())
			}
			for i := 0; i < len(nodes); i += 2 {
				m.any.free(nodes[i])
			}
			var chunks []*chunk // all memory, and then one back
			for c, err := m.buckets.TryAlloc(); err == nil; c, err = m.buckets.TryAlloc() {
				chunks = append(chunks, c)
			}
			m.buckets.Free(chunks[0])
			mutant.Ends(t, func() {
				for range 20_000 {
					store()
				}
			})
			for _, c := range chunks[1:] {
				m.buckets.Free(c)
			}
			for i := 1; i < len(nodes); i += 2 {
				m.any.free(nodes[i])
			}
			mutant.Ends(t, func() {
				for range 20_000 {
					if !store() {
						t.Error("no memory, and there is some")
						return
					}
				}
			})
			check(t, m)
		})
	}
}
