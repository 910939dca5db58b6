package kmem

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

// TestInspect is the table of what can lie at an address, on each layout.
func TestInspect(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		c := newTestCache(t, h, "c", 600, CacheOptions{Flags: DestroyByRCU})
		other := newTestCache(t, h, "other", 64, CacheOptions{})
		far := other.Alloc()
		p := c.Alloc()
		g, size := c.Geometry(), c.ObjectSize()
		if c.Size() != 600 || size != g.ObjSize {
			t.Fatalf("Size %d, ObjectSize %d of %v", c.Size(), size, g)
		}
		o := h.Inspect(p)
		mem := at(p, -uintptr(o.Index*size))
		gap := at(mem, uintptr(g.Num*size))
		check := func(what string, p Pointer, want Object, says string) {
			t.Helper()
			if o := h.Inspect(p); o != want {
				t.Errorf("%s: Inspect gives %+v, want %+v", what, o, want)
			}
			switch err := c.Validate(p); {
			case says == "" && err != nil, says != "" && (!errors.Is(err, ErrNotObject) || !strings.Contains(err.Error(), says)):
				t.Errorf("%s: Validate gives %v, want %q", what, err, says)
			}
			if got := h.CacheOf(p); got != want.Cache {
				t.Errorf("%s: CacheOf gives %v, want %v", what, got, want.Cache)
			}
		}
		own := Object{State: ObjectAllocated, Cache: c, Start: p, Index: o.Index}
		check("allocated", p, own, "")
		inside := own
		inside.Offset = 599
		check("inside", at(p, 599), inside, "599 bytes into the object")
		check("nil", nil, Object{}, "nil pointer")
		check("foreign", Pointer(new(int)), Object{}, "foreign pointer")
		check("unowned", h.base, Object{State: ObjectUnowned}, "belongs to no cache")
		check("gap", gap, Object{State: ObjectGap, Cache: c}, "misaligned pointer: between")
		check("other", far, Object{State: ObjectAllocated, Cache: other, Start: far, Index: h.Inspect(far).Index}, `belongs to cache "other"`)
		c.Free(p)
		check("at hand", p, own, "")
		section := h.Domain().Enter()
		c.drain("test") // the slab stays, free
		own.State = ObjectFree
		check("free", p, own, "double free: the object is on its slab")
		c.Shrink()
		own.State = ObjectLimbo
		check("limbo", p, own, "in limbo")
		if err := other.Validate(p); err == nil || !strings.Contains(err.Error(), `in limbo and was of cache "c"`) {
			t.Errorf("limbo, another cache: %v", err)
		}
		section.Exit()
		h.Domain().Barrier()
		check("gone", p, Object{State: ObjectUnowned}, "belongs to no cache")
		other.Free(far)
	})
}

// TestInspectTorture looks at addresses while their slabs come and go. Oracle:
// what the looker holds is allocated and its cache's; nothing else is promised
// but an answer.
func TestInspectTorture(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		caches := []*Cache{
			newTestCache(t, h, "plain", 2000, CacheOptions{}),
			newTestCache(t, h, "rcu", 500, CacheOptions{Flags: DestroyByRCU}),
		}
		held := caches[0].Alloc()
		var seen [len(objectStates)]int
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for off := uintptr(0); ; off += 8 * 101 {
				if off >= h.end.Load() {
					off = chunkPages << pageShift
				}
				seen[h.Inspect(h.at(off)).State]++
				if o := h.Inspect(held); o.State != ObjectAllocated || o.Cache != caches[0] || o.Start != held {
					t.Errorf("the held object: %+v", o)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		smp.Run(2, func(cpu *smp.CPU) {
			l := caches[cpu.ID()].On(cpu)
			for range 60 {
				var live []Pointer
				for range 300 {
					live = append(live, l.Alloc())
				}
				for _, p := range live {
					l.Free(p)
				}
				l.Flush()
				caches[cpu.ID()].Shrink()
			}
		})
		close(stop)
		wg.Wait()
		caches[0].Free(held)
		t.Logf("seen: %v of %v", seen, objectStates)
		for s := ObjectUnowned; s <= ObjectAllocated; s++ {
			if seen[s] == 0 && (s != ObjectGap || layout != LayoutNative) {
				t.Logf("no address was ever %s", s)
			}
		}
	})
}
