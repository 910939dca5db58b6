package kmem

import (
	"testing"
	"unsafe"
)

// TestCacheLines: what offsets_unsafe.go says of offsets holds for addresses.
func TestCacheLines(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	for _, name := range []string{"a", "b", "c"} {
		c := newTestCache(t, h, name, 64, CacheOptions{})
		if n := uintptr(unsafe.Pointer(&c.mu)) % 64; n != 0 {
			t.Errorf("mu is at byte %d of its cache line", n)
		}
	}
}
