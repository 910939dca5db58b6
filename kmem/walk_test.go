package kmem

import (
	"runtime"
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

// TestWalk takes a few slabs of objects through every stop of doc.go and back,
// on each layout, with and without the flag.
func TestWalk(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{0, HWCacheAlign, DestroyByRCU, DestroyByRCU | HWCacheAlign} {
			for _, size := range []int{8, 24, 64, 200, 512, 1000, 4096, 20000} {
				h := newTestHeap(t, HeapOptions{Layout: layout})
				constructed := 0
				c := newTestCache(t, h, "walk", size, CacheOptions{Flags: flags, Ctor: func(p Pointer) {
					*(*uint64)(p) = 0xC0
					constructed++
				}})
				onCPU(func(cpu *smp.CPU) { walk(t, c, cpu, &constructed) })
			}
		}
	})
}

func walk(t *testing.T, c *Cache, cpu *smp.CPU, constructed *int) {
	l, g := c.On(cpu), c.Geometry()
	n := min(3*g.Num, 2000)
	live := map[Pointer]bool{}
	for range n {
		p := l.Alloc()
		if live[p] {
			t.Fatalf("%p handed out twice", p)
		}
		if *(*uint64)(p) != 0xC0 {
			t.Fatalf("%p is not in constructed state", p)
		}
		if uintptr(p)%uintptr(g.Align) != 0 {
			t.Fatalf("%p is not aligned to %d", p, g.Align)
		}
		live[p] = true
	}
	s := c.Stats()
	if *constructed != s.Objects || s.Objects != s.Slabs*g.Num || int(s.Grown) != s.Slabs {
		t.Fatalf("%d objects constructed; %+v", *constructed, s)
	}
	for p := range live {
		l.Free(p)
	}
	l.Flush()
	c.Shrink()
	s = c.Stats()
	if s.Slabs != 0 || s.Active != 0 || s.Destroyed != s.Grown {
		t.Fatalf("after Shrink: %+v", s)
	}
	if c.Flags()&DestroyByRCU == 0 && s.SlabsLimbo != 0 {
		t.Fatalf("limbo without the flag: %+v", s)
	}
	c.heap.Domain().Barrier()
	if s = c.Stats(); s.SlabsLimbo != 0 {
		t.Fatalf("after Barrier: %+v", s)
	}
}

// TestLimbo is the patch in one test: an object is reused at once; its slab's
// memory stays for a reader that was there before, and is gone after it.
func TestLimbo(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, size := range []int{64, 1024} { // on-slab and off-slab in 2.6.9
			h := newTestHeap(t, HeapOptions{Layout: layout})
			c := newTestCache(t, h, "limbo", size, CacheOptions{Flags: DestroyByRCU, Ctor: func(p Pointer) { *(*uint64)(p) = 0xC0 }})
			p := c.Alloc()
			section := h.Domain().Enter()
			c.Free(p)
			if q := c.Alloc(); q != p {
				t.Fatalf("object %p was not reused at once: got %p", p, q)
			}
			c.Free(p)
			if n := c.Shrink(); n != 1 {
				t.Fatalf("Shrink destroyed %d slabs, want 1", n)
			}
			for range 100 {
				h.Domain().Drive()
				runtime.Gosched()
			}
			if v := *(*uint64)(p); v != 0xC0 {
				t.Fatalf("inside the section the object reads %#x", v)
			}
			s := h.Stats()
			if want := int64(c.Geometry().SlabBytes()); s.Limbo != want || s.LimboPeak != want {
				t.Fatalf("in limbo: %+v, want %d bytes", s, want)
			}
			section.Exit()
			h.Domain().Barrier()
			if s := h.Stats(); s.Limbo != 0 || s.LimboPeak == 0 {
				t.Fatalf("after the grace period: %+v", s)
			}
			if owner := h.page(h.offset(p) >> pageShift).owner; owner&ownerLimbo != 0 || owner == c.id {
				t.Fatalf("after the grace period the page's owner is %#x", owner)
			}
		}
	})
}

// TestLimboBatch: slabs that die together wait together, behind one callback for
// up to limboBatch of them, every object as it was; and all of them come home.
func TestLimboBatch(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, size := range []int{64, 1024} { // on-slab and off-slab in 2.6.9
			h := newTestHeap(t, HeapOptions{Layout: layout})
			c := newTestCache(t, h, "limbo", size, CacheOptions{
				Flags: DestroyByRCU, FixedArrays: true, Ctor: func(p Pointer) { *(*uint64)(p) = 0xC0 },
			})
			objects := make([]Pointer, (2*limboBatch+3)*c.Geometry().Num)
			for i := range objects {
				objects[i] = c.Alloc()
			}
			slabs := c.Stats().Slabs
			section := h.Domain().Enter()
			for _, p := range objects {
				c.Free(p)
			}
			queued := h.Domain().Stats().Queued
			n := c.Shrink()
			if got, want := h.Domain().Stats().Queued-queued, int64((n+limboBatch-1)/limboBatch); got != want {
				t.Errorf("%d slabs in limbo behind %d callbacks, want %d", n, got, want)
			}
			if s := h.Stats(); s.Limbo != int64(slabs*c.Geometry().SlabBytes()) {
				t.Errorf("in limbo %d bytes, want those of %d slabs", s.Limbo, slabs)
			}
			for _, p := range objects {
				if v := *(*uint64)(p); v != 0xC0 {
					t.Fatalf("inside the section an object reads %#x", v)
				}
			}
			section.Exit()
			h.Domain().Barrier()
			if s := h.Stats(); s.Limbo != 0 || c.Stats().SlabsLimbo != 0 {
				t.Errorf("after the grace period: %d bytes, %d slabs still in limbo", s.Limbo, c.Stats().SlabsLimbo)
			}
			if live := h.Stats().Live; live > 8*pageSize { // a few slabs of descriptors
				t.Errorf("after the grace period %d bytes of pages in use", live)
			}
		}
	})
}

// TestColour checks that slabs start their objects at each colour in turn.
func TestColour(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		c := newTestCache(t, h, "colour", 600, CacheOptions{})
		g := c.Geometry()
		if g.Colours < 2 {
			t.Fatalf("want a geometry with colours, got %+v", g)
		}
		var live []Pointer
		seen := map[uintptr]int{}
		for range 2 * g.Colours * g.Num {
			live = append(live, c.Alloc())
		}
		for off := c.lists.group[slabsFull].head; off != 0; off = uintptr(h.slab(off).next) {
			s := h.slab(off)
			seen[uintptr(s.mem)-uintptr(s.page)<<pageShift]++
		}
		if len(seen) != g.Colours {
			t.Errorf("offsets %v, want %d of them", seen, g.Colours)
		}
		for i := range g.Colours {
			if want := uintptr(g.FirstObject() + i*g.ColourOff); seen[want] != 2 {
				t.Errorf("offsets %v: want 2 slabs at %d", seen, want)
			}
		}
		for _, p := range live {
			c.Free(p)
		}
	})
}

// TestNativeFillsPages: 512 objects of 64 bytes fill eight pages.
func TestNativeFillsPages(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Layout: LayoutNative})
	c := newTestCache(t, h, "full", 64, CacheOptions{})
	if g := c.Geometry(); g.Num != 512 || g.Order != 3 || g.Left != 0 {
		t.Fatalf("geometry %+v", g)
	}
	for i := range 5 {
		p := c.Alloc()
		defer c.Free(p)
		if s := h.Stats(); i == 0 && s.Live != 9*pageSize {
			t.Fatalf("%d bytes live, want eight pages of objects and one of descriptors", s.Live)
		}
	}
}

// TestHotplug: a CPU that goes away leaves nothing in its array caches, and the last one
// nothing in the shared array.
func TestHotplug(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "hotplug", 64, CacheOptions{})
	var kept *Local
	for range 3 {
		smp.Run(2, func(cpu *smp.CPU) {
			l := c.On(cpu)
			if l != c.On(cpu) {
				t.Error("a CPU got two handles")
			}
			var live []Pointer
			for range 500 {
				live = append(live, l.Alloc())
			}
			for _, p := range live {
				l.Free(p)
			}
			if cpu.ID() == 0 {
				kept = l
			}
		})
		if s := c.Stats(); s.Active != 0 || s.Shared != 0 {
			t.Fatalf("after the CPUs went: %+v", s)
		}
	}
	mustPanic(t, "CPU 0 in cache \"hotplug\": that CPU is offline", func() { kept.Alloc() })
	smp.Run(1, func(stays *smp.CPU) {
		c.On(stays)
		smp.Run(1, func(goes *smp.CPU) { fillAndFree(c.On(goes).Alloc, c.On(goes).Free, 500) })
		if n := c.Stats().Shared; n == 0 {
			t.Error("a CPU that was not the last one took what is shared with it")
		}
	})
}
