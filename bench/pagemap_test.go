package bench

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/slabrcu/slabrcu/kmem"
)

// An extent counts the pages of its objects, all of them, and nothing that the rest of
// the process takes or gives back.
func TestExtent(t *testing.T) {
	if why := needsPagemap(Params{}); why != "" {
		t.Skip(why)
	}
	taken := func(e extent) int64 {
		t.Helper()
		n, err := e.taken()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	h, err := kmem.NewHeap(kmem.HeapOptions{Name: t.Name(), Reserve: reserveBytes})
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.NewCache("extent", 4096, kmem.CacheOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other := make([]byte, 8<<20)
	for i := range other {
		other[i] = 1
	}
	objects := fill(c, 10_000, c.Alloc)
	for i := range objects {
		touchEnds(objects[i].pointer(), 4096)
	}
	e := extentOf(objects, 4096)
	peak := taken(e)
	if least := int64(len(objects) * 4096); peak < least || peak > least*5/4 {
		t.Errorf("%d bytes taken of objects of %d", peak, least)
	}
	before := resident()
	runtime.KeepAlive(other)
	other = nil
	debug.FreeOSMemory()
	if after := resident(); before-after < 4<<20 {
		t.Errorf("resident %d, and %d after 8 MiB were given back", before, after)
	}
	if n := taken(e); n != peak {
		t.Errorf("%d bytes taken, and %d when others gave memory back", peak, n)
	}
	for i := range objects {
		c.Free(objects[i].pointer())
	}
	c.Shrink()
	h.Domain().Barrier()
	h.Trim()
	if n := taken(e); n > peak/10 {
		t.Errorf("%d bytes of %d are left", n, peak)
	}
	if err := destroyHeap(h, c); err != nil {
		t.Error(err)
	}
}
