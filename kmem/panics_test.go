package kmem

import (
	"errors"
	"fmt"
	"testing"
)

// TestDestroyDtorPanics: the panic of a destructor reaches who calls Destroy, and the
// cache is gone all the same: its heap closes.
func TestDestroyDtorPanics(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "dtor", 64, CacheOptions{
		Ctor: func(Pointer) {},
		Dtor: func(Pointer) { panic("the destructor's own words") },
	})
	c.Free(c.Alloc())
	mustPanic(t, "the destructor's own words", func() { _ = c.Destroy() })
	mustPanic(t, "after Destroy", func() { c.Alloc() })
	newTestCache(t, h, "dtor", 64, CacheOptions{})
}

// TestCtorAndDtorPanic: a slab that can be neither made nor undone goes.
func TestCtorAndDtorPanic(t *testing.T) {
	n := 0
	c := newTestCache(t, newTestHeap(t, HeapOptions{}), "both", 64, CacheOptions{
		Ctor: func(Pointer) {
			if n++; n == 5 {
				panic("ctor")
			}
		},
		Dtor: func(Pointer) { panic("dtor") },
	})
	mustPanic(t, "dtor", func() { c.Alloc() })
}

// TestTracksShrinkerPanics: so does one whose table of tracks could not be made, because
// a shrinker panicked, wherever the limit is.
func TestTracksShrinkerPanics(t *testing.T) {
	for pages := uintptr(20); pages < 60; pages++ {
		t.Run(fmt.Sprint(pages), func(t *testing.T) {
			h := newTestHeap(t, HeapOptions{Limit: pages << pageShift})
			c := newTestCache(t, h, "tracked", 64, CacheOptions{Flags: StoreUser})
			cancel := h.RegisterShrinker(func(uintptr) uintptr { panic("shrinker") })
			var live []Pointer
			mustPanic(t, "shrinker", func() {
				for {
					live = append(live, c.Alloc())
				}
			})
			cancel()
			freeAll(c, live)
		})
	}
}

// TestBulkCtorPanics: a bulk that a constructor ends leaves nothing out.
func TestBulkCtorPanics(t *testing.T) {
	n, most := 0, 0
	c := newTestCache(t, newTestHeap(t, HeapOptions{}), "bulk", 64, CacheOptions{Ctor: func(Pointer) {
		if n++; n > most {
			panic("ctor")
		}
	}})
	most = 5 * c.geo.Num
	dst := make([]Pointer, 2*most)
	mustPanic(t, "ctor", func() { _ = c.AllocBulk(dst) })
	if dst[0] != nil {
		t.Error("dst has objects")
	}
	var busy *BusyError
	if err := c.Destroy(); errors.As(err, &busy) {
		t.Errorf("%d objects are out", busy.Objects)
	}
}
