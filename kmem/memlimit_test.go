package kmem

import (
	"runtime/debug"
	"testing"
)

// TestAdjustMemoryLimit: what a heap takes, the collector loses, and gets back.
func TestAdjustMemoryLimit(t *testing.T) {
	old := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(old)
	const total = 1 << 30
	before := AdjustMemoryLimit(total)
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 4096, CacheOptions{})
	var live []Pointer
	for range 2000 {
		live = append(live, c.Alloc())
	}
	after := AdjustMemoryLimit(total)
	if took, live := before-after, h.Stats().Live; took < live || took > live+live/4+1<<20 {
		t.Errorf("the limit fell by %d bytes when %d came to live", took, live)
	}
	if got := debug.SetMemoryLimit(-1); got != after {
		t.Errorf("the collector's limit is %d, want %d", got, after)
	}
	if got := AdjustMemoryLimit(4096); got != 256 {
		t.Errorf("with nothing left the collector gets %d bytes, want a sixteenth", got)
	}
	for _, p := range live {
		c.Free(p)
	}
	c.Shrink()
	if got := AdjustMemoryLimit(total); got < before-1<<20 {
		t.Errorf("after everything was freed the limit is %d, before it was %d", got, before)
	}
	mustPanic(t, "total must be above 0", func() { AdjustMemoryLimit(0) })
}
