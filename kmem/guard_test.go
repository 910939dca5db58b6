package kmem

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/smp"
)

// guarded returns an object that lies in the pool, at the right end of its place
// or the left. Whatever else it has to allocate for that it frees.
func guarded(t *testing.T, c *Cache, right bool) Pointer {
	t.Helper()
	g := c.heap.guards
	var rest []Pointer
	defer func() {
		for _, p := range rest {
			c.Free(p)
		}
	}()
	for range 2000 {
		p := c.Alloc()
		off := c.heap.offset(p)
		if i := g.find(off); i >= 0 && (off != g.place(i) || c.Size() == pageSize) == right {
			return p
		}
		rest = append(rest, p)
	}
	t.Fatal("no object of 2000 is a guarded one at that end")
	return nil
}

// TestGuardFaults: overruns at either end and a use after free fault at the very
// access, and the explanation names who and what.
func TestGuardFaults(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("nothing faults here")
	}
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Name: "guards", Layout: layout, Debug: DebugOptions{GuardEvery: 1}})
		for _, size := range []int{1, 8, 24, 100, 2000, 4096} {
			c := newTestCache(t, h, fmt.Sprint("c", size), max(size, layout.MinSize), CacheOptions{})
			size := c.Size()
			right := guarded(t, c, true)
			left := right
			if size < pageSize {
				left = guarded(t, c, false)
			}
			end := roundUp(size, c.Geometry().Align)
			for _, p := range []Pointer{left, right} {
				for i := range size {
					bytesAt(p, size)[i]++
				}
			}
			c.explains(t, left, -1, "1 bytes in front of an object", "out of bounds", "allocated")
			c.explains(t, right, end, fmt.Sprintf("%d bytes behind an object of %d bytes", end-size, size), "out of bounds", "allocated")
			c.Free(left)
			if left != right {
				c.Free(right)
			}
			c.explains(t, left, size-1, fmt.Sprintf("byte %d of an object of %d bytes", size-1, size), "use after free", "freed")
			c.explains(t, right, 0, "byte 0 of an object", "use after free", "freed")
		}
	})
}

// explains accesses the byte at that distance from p, which must fault, and looks
// for words in the explanation.
func (c *Cache) explains(t *testing.T, p Pointer, offset int, want ...string) {
	t.Helper()
	at := at(p, uintptr(offset))
	addr := faultAddress(func() { faultSink += bytesAt(at, 1)[0] })
	if addr != address(at) {
		t.Errorf("object of %d bytes, offset %d: fault at %#x, want %p", c.Size(), offset, addr, at)
		return
	}
	text := ExplainFault(addr)
	for _, w := range append(want, "TestGuardFaults", fmt.Sprintf("of cache %q", c.name), `in heap "guards"`) {
		if !strings.Contains(text, w) {
			t.Errorf("object of %d bytes, offset %d: %q is not in\n%s", c.Size(), offset, w, text)
		}
	}
}

// TestGuardReports: what does not fault is seen when the object is freed.
func TestGuardReports(t *testing.T) {
	h, found := debugHeap(t, HeapOptions{Debug: DebugOptions{GuardEvery: 2}})
	c := newTestCache(t, h, "c", 100, CacheOptions{})
	expect := func(kind Corruption, p Pointer, offset int) {
		t.Helper()
		if len(*found) != 1 {
			t.Fatalf("%d reports", len(*found))
		}
		e := (*found)[0]
		if e.Kind != kind || e.Offset != offset || e.Object != address(p) || !strings.Contains(e.Error(), "kmem.TestGuardReports") {
			t.Errorf("want %v at %d of %p:\n%v", kind, offset, p, e)
		}
		*found = nil
	}
	p := guarded(t, c, true)
	poke(c, p, 101)
	c.Free(p)
	expect(PaddingOverwritten, p, 101)
	p = guarded(t, c, false)
	poke(c, p, 3000)
	c.FreeBulk([]Pointer{c.Alloc(), p, c.Alloc()})
	expect(PaddingOverwritten, p, 3000)
	c.Free(p)
	expect(DoubleFree, p, 0)
	mustPanic(t, "the object was freed before", func() {
		if err := c.Validate(p); err != nil {
			panic("the object was freed before")
		}
	})
	p = guarded(t, c, true)
	mustPanic(t, "misaligned pointer: 1 bytes into", func() { c.Free(at(p, 1)) })
	if o := h.Inspect(at(p, 5)); o.State != ObjectAllocated || o.Start != p || o.Offset != 5 || o.Cache != c {
		t.Errorf("%+v", o)
	}
	if s := c.Stats(); s.Active == 0 {
		t.Error("a guarded object does not count")
	}
	other := newTestCache(t, h, "other", 100, CacheOptions{})
	mustPanic(t, `belongs to cache "c"`, func() { other.Free(p) })
	var busy *BusyError
	if err := c.Destroy(); !errors.As(err, &busy) || busy.Objects != 1 {
		t.Errorf("Destroy: %v", err)
	}
	c.Free(p)
}

// TestGuardTypeStable: a sample of a cache with DestroyByRCU can be read until the
// readers of its time have left, and faults then. It comes constructed.
func TestGuardTypeStable(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout, Debug: DebugOptions{GuardEvery: 1}})
		c := newTestCache(t, h, "stable", 64, CacheOptions{Flags: DestroyByRCU, Ctor: func(p Pointer) { copy(bytesAt(p, 64), "stable") }})
		for round := range 600 { // more than there are places
			p := c.Alloc()
			if i := h.guards.find(h.offset(p)); i < 0 {
				t.Fatalf("round %d: not a sample", round)
			}
			if s := string(bytesAt(p, 6)); s != "stable" {
				t.Fatalf("not constructed: %q", s)
			}
			section := h.Domain().Enter()
			c.Free(p)
			if s := string(bytesAt(p, 6)); s != "stable" {
				t.Fatalf("changed inside the section: %q", s)
			}
			if o := h.Inspect(p); o.State != ObjectLimbo {
				t.Fatalf("%+v", o)
			}
			section.Exit()
			h.Domain().Barrier()
			if !mmap.HeapBacked && !faults(p) {
				t.Fatal("accessible after the grace period")
			}
		}
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
		again := newTestCache(t, h, "heir", 64, CacheOptions{}) // of the id, perhaps
		mustPanic(t, "belongs to no cache", func() { again.Free(h.at(h.guards.place(0))) })
	})
}

// TestGuardSampling: every so many, at most one in a time, and all kinds of caller.
func TestGuardSampling(t *testing.T) {
	count := func(h *Heap, n int) (samples int) {
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		defer c.Destroy()
		onCPU(func(cpu *smp.CPU) {
			l := c.On(cpu)
			var live []Pointer
			for range n {
				p := l.Alloc()
				if h.guards.find(h.offset(p)) >= 0 {
					samples++
				}
				live = append(live, p)
			}
			for _, p := range live {
				l.Free(p)
			}
		})
		if s := c.Stats(); h.debug.GuardEvery == 10 && (samples < int(s.Refills)/15 || samples > int(s.Refills)/5) {
			t.Errorf("%d samples of %d refills", samples, s.Refills)
		}
		return samples
	}
	h := newTestHeap(t, HeapOptions{Debug: DebugOptions{GuardEvery: 10}})
	count(h, 20000)
	h = newTestHeap(t, HeapOptions{Debug: DebugOptions{GuardInterval: 20 * time.Millisecond}})
	timed := func(n int) {
		t.Helper()
		start := time.Now()
		samples := count(h, n)
		if most := 1 + int(time.Since(start)/(20*time.Millisecond)); samples < 1 || samples > most {
			t.Errorf("%d samples, want 1 to %d", samples, most)
		}
	}
	timed(20000)
	for deadline := time.Now().Add(10 * time.Second); !h.guards.open.Load() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	timed(20) // after a pause
}

// TestGuardCtorPanics: the place is free again.
func TestGuardCtorPanics(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Debug: DebugOptions{GuardEvery: 1}})
	c := newTestCache(t, h, "c", 64, CacheOptions{Ctor: func(Pointer) { panic("own words") }})
	for range 2 * len(h.guards.slots) {
		mustPanic(t, "own words", func() { c.Alloc() })
	}
	if n := len(h.guards.free); n != len(h.guards.slots) {
		t.Errorf("%d of %d places are free", n, len(h.guards.slots))
	}
}

// TestExplainFault is the table of addresses without samples.
func TestExplainFault(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Name: "h", Debug: DebugOptions{GuardPages: true}})
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	p := c.Alloc()
	closed, err := NewHeap(HeapOptions{Name: "shut", Reserve: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	base := address(closed.base)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	explain := func(addr uintptr, want string) {
		t.Helper()
		if text := ExplainFault(addr); !strings.Contains(text, want) || (text == "") != (want == "") {
			t.Errorf("%#x: %q, want %q", addr, text, want)
		}
	}
	explain(address(Pointer(new(int))), "")
	explain(address(h.base)+16, "a nil Ref was followed")
	explain(address(h.base)+h.end.Load(), "behind all pages")
	explain(address(p), `an object of cache "c", allocated`)
	if !mmap.HeapBacked {
		explain(base+5, `heap "shut" is closed`)
	}
	c.Free(p)
	c.Shrink()
	explain(address(p), `the last to have it was cache "c": use after free`)
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	explain(address(p), "a cache that was destroyed: use after free")
}

// TestGuardDestructs: a sample is constructed for one use, and destructed after it.
func TestGuardDestructs(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Debug: DebugOptions{GuardEvery: 2}, ProfileRate: 1000})
	made, undone := 0, 0
	c := newTestCache(t, h, "c", 64, CacheOptions{Ctor: func(Pointer) { made++ }, Dtor: func(Pointer) { undone++ }})
	var live []Pointer
	for range 3000 {
		live = append(live, c.Alloc())
	}
	for _, p := range live {
		c.Free(p)
	}
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	if made != undone || made < 3000 {
		t.Errorf("%d made, %d undone", made, undone)
	}
}
