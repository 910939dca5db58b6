package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

// TestGuardPages: what belongs to no slab faults, and so do free objects that are
// whole pages.
func TestGuardPages(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout, Debug: DebugOptions{GuardPages: true}})
		small := newTestCache(t, h, "small", 64, CacheOptions{})
		p := small.Alloc()
		if faults(p) {
			t.Fatal("an object faults")
		}
		small.Free(p)
		small.Shrink()
		if faults(p) == mmap.HeapBacked {
			t.Error("a page of no slab can be read")
		}
		whole := newTestCache(t, h, "whole", 4096, CacheOptions{Flags: Poison})
		q, r := whole.Alloc(), whole.Alloc()
		whole.Free(q)
		if mmap.HeapBacked {
			whole.Free(r)
			return
		}
		if !faults(q) || faults(r) {
			t.Error("want a fault in the free object and none in the other")
		}
		if q2 := whole.Alloc(); q2 != q || faults(q2) || bytesAt(q2, 1)[0] != poisonFresh {
			t.Errorf("allocated again: %p, want %p", q2, q)
		}
		whole.Free(q)
		whole.Free(r)
		if !faults(h.at(h.end.Load() - 1)) {
			t.Error("a page that was never used can be read")
		}
	})
}
