package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

// TestArrayGrows: an owner that swings between flush and refill soon has all its
// objects at hand, within the bound, and gives them back when it is drained.
func TestArrayGrows(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	for _, size := range []int{64, 5000} {
		c := newTestCache(t, h, "swing", size, CacheOptions{})
		onCPU(func(cpu *smp.CPU) {
			l := c.On(cpu)
			live := make([]Pointer, 2000)
			trips := uint64(0)
			for range 12 {
				before := c.Stats().LockTrips
				for i := range live {
					live[i] = l.Alloc()
				}
				for _, p := range live {
					l.Free(p)
				}
				trips = c.Stats().LockTrips - before
			}
			if int(l.limit) > c.maxLimit {
				t.Errorf("size %d: the array grew to %d, the bound is %d", size, l.limit, c.maxLimit)
			}
			if c.maxLimit >= len(live) && trips > 2 {
				t.Errorf("size %d: %d lock trips in the last round with an array of %d", size, trips, l.limit)
			}
			l.Flush()
			if s := c.Stats(); s.Active != 0 {
				t.Errorf("size %d: %d objects active after Flush", size, s.Active)
			}
		})
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
	}
}

// TestArrayOrder: what was freed last is handed out first, across the hot slots and
// the array.
func TestArrayOrder(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "order", 64, CacheOptions{})
	onCPU(func(cpu *smp.CPU) {
		l := c.On(cpu)
		for n := 1; n < 40; n++ {
			live := make([]Pointer, n)
			for i := range live {
				live[i] = l.Alloc()
			}
			for _, p := range live {
				l.Free(p)
			}
			for i := range live { // last in, first out
				if p := l.Alloc(); p != live[n-1-i] {
					t.Fatalf("%d objects: got %p as number %d, want %p", n, p, i, live[n-1-i])
				}
			}
			for _, p := range live {
				l.Free(p)
			}
		}
	})
}
