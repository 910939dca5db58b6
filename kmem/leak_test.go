package kmem

import (
	"errors"
	"strings"
	"testing"
)

// TestLeaks: BusyError and Leaks name call sites and counts.
func TestLeaks(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		c := newTestCache(t, h, "leaky", 100, CacheOptions{Flags: StoreUser})
		newTestCache(t, h, "quiet", 100, CacheOptions{})
		var live []Pointer
		few := func() { live = append(live, c.Alloc()) }
		many := func() { live = append(live, c.Alloc()) }
		for i := range 1000 {
			if many(); i%10 == 0 {
				few()
			}
			c.Free(c.Alloc())
		}
		leaks := h.Leaks()
		if len(leaks) != 2 || leaks[0].Objects != 1000 || leaks[1].Objects != 100 || leaks[0].Bytes != 100000 {
			t.Fatalf("%v", leaks)
		}
		if !strings.Contains(leaks[0].Stack.Caller(), "TestLeaks.func1.2") || leaks[0].Oldest.After(leaks[1].Oldest) {
			t.Errorf("%v", leaks[0])
		}
		var busy *BusyError
		if err := c.Destroy(); !errors.As(err, &busy) || len(busy.Leaks) != 2 || !strings.Contains(err.Error(), "1000 objects, 100000 bytes") {
			t.Errorf("Destroy: %v", err)
		}
		for _, p := range live {
			c.Free(p)
		}
		if leaks := h.Leaks(); leaks != nil {
			t.Errorf("after all frees: %v", leaks)
		}
	})
}
