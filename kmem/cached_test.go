package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

// TestHeapStats: the counters by purpose follow a few slabs of objects from one
// place to the next.
func TestHeapStats(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout, Limit: 64 << 20})
		c := newTestCache(t, h, "c", 64, CacheOptions{Flags: ReclaimAccount | DestroyByRCU})
		plain := newTestCache(t, h, "plain", 64, CacheOptions{})
		slab := int64(c.Geometry().SlabBytes())
		check := func(step string, cached, freeSlabs, reclaimable, limbo int64) {
			t.Helper()
			s := h.Stats()
			if s.Cached != cached || s.FreeSlabs != freeSlabs || s.Reclaimable != reclaimable || s.Limbo != limbo {
				t.Errorf("%s: %d cached, %d on free slabs, %d reclaimable, %d in limbo; want %d, %d, %d, %d",
					step, s.Cached, s.FreeSlabs, s.Reclaimable, s.Limbo, cached, freeSlabs, reclaimable, limbo)
			}
		}
		innerFree := func() (n int64) { // slabs of descriptors
			for _, c := range h.inner {
				n += int64(c.lists.count(slabsFree) * c.geo.SlabBytes())
			}
			return n
		}
		check("new", 0, 0, 0, 0)
		onCPU(func(cpu *smp.CPU) {
			l := c.On(cpu)
			var live []Pointer
			for range 3 * c.geo.Num {
				live = append(live, l.Alloc())
			}
			inner := int64(h.Stats().Cached - int64(l.array().count()+c.shared.avail)*64) // descriptors at hand
			for _, p := range live {
				l.Free(p)
			}
			check("freed", int64(3*c.geo.Num-c.lists.freeObjects)*64+inner, int64(c.lists.count(slabsFree))*slab+innerFree(), int64(c.Stats().Slabs)*slab, 0)
			l.Flush()
			section := h.Domain().Enter()
			n := int64(c.Stats().Slabs)
			c.Shrink()
			check("in limbo", inner, innerFree(), n*slab, n*slab)
			section.Exit()
			h.Domain().Barrier()
		})
		if s := h.Stats(); s.Reclaimable != 0 || s.Limbo != 0 {
			t.Errorf("after the grace period: %+v", s)
		}
		p := plain.Alloc()
		if s := h.Stats(); s.Reclaimable != 0 || s.Cached == 0 {
			t.Errorf("a cache without the flag: %+v", s)
		}
		plain.Free(p)
		live := allocAll(t, newTestCache(t, h, "big", 1<<17, CacheOptions{}))
		if s := h.Stats(); s.Pressure == 0 || s.Limit-s.Live > 2<<20 {
			t.Errorf("at the limit: %+v", s)
		}
		freeAll(h.byName["big"], live)
	})
}
