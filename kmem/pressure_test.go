package kmem

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

// allocAll allocates until the heap has nothing left.
func allocAll(t testing.TB, c *Cache) (live []Pointer) {
	t.Helper()
	for {
		p, err := c.TryAlloc()
		if err != nil {
			if !errors.Is(err, ErrNoMemory) {
				t.Fatal(err)
			}
			return live
		}
		live = append(live, p)
	}
}

func freeAll(c *Cache, live []Pointer) {
	for _, p := range live {
		c.Free(p)
	}
}

// TestPressureReapsOthers: what other caches keep in arrays and free slabs is
// there for a cache that needs pages; with DestroyByRCU after a grace period.
func TestPressureReapsOthers(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		const limit = 2 << 20
		h := newTestHeap(t, HeapOptions{Limit: limit, Layout: layout})
		for _, flags := range []Flags{0, NoReap, DestroyByRCU} {
			var others []*Cache
			for _, name := range []string{"a", "b", "c"} {
				c := newTestCache(t, h, name, 500, CacheOptions{Flags: flags})
				fillAndFree(c.Alloc, c.Free, 800)
				smp.Run(2, func(cpu *smp.CPU) {
					l := c.On(cpu)
					fillAndFree(l.Alloc, l.Free, 200)
				})
				others = append(others, c)
			}
			c := newTestCache(t, h, "wants", 1000, CacheOptions{})
			live := allocAll(t, c)
			if flags == DestroyByRCU {
				h.Domain().Barrier()
				live = append(live, allocAll(t, c)...)
			}
			if n := len(live) * 1000; n < limit*8/10 {
				t.Errorf("flags %v: %d bytes of %d can be had: %+v", flags, n, limit, h.Stats())
			}
			freeAll(c, live)
			for _, o := range append(others, c) {
				if err := o.Destroy(); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// TestPressureTakesArrays: at the limit an object is found wherever it is free:
// in an array that somebody else owns, or in the hot slots of a slot.
func TestPressureTakesArrays(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	c := newTestCache(t, h, "c", 256, CacheOptions{})
	onCPU(func(cpu *smp.CPU) {
		l := c.On(cpu)
		live := allocAll(t, c)
		all := len(live)
		for n := range 60 {
			for _, p := range live[all-n:] {
				l.Free(p)
			}
			live = live[:all-n]
			live = append(live, allocAll(t, c)...)
			for l.array().inSlots() != 0 {
				live = append(live, l.Alloc())
			}
			if len(live) != all {
				t.Errorf("%d objects freed by the CPU, %d found again", n, len(live)-all+n)
			}
		}
		freeAll(c, live)
	})
	live := allocAll(t, c)
	for range 20 {
		var wg sync.WaitGroup
		for _, p := range live[:8] { // goroutines have stacks, and so slots, of their own
			wg.Go(func() { c.Free(p) })
		}
		wg.Wait()
		again := allocAll(t, c)
		if len(again) != 8 {
			t.Fatalf("8 objects freed by as many goroutines, %d found again", len(again))
		}
		live = append(live[8:], again...)
	}
	freeAll(c, live)
}

// TestPressureInsideSection: at the limit nothing waits for the grace period that
// the caller itself holds up.
func TestPressureInsideSection(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	a := newTestCache(t, h, "a", 4096, CacheOptions{Flags: DestroyByRCU})
	b := newTestCache(t, h, "b", 2048, CacheOptions{})
	section := h.Domain().Enter()
	live := allocAll(t, a)
	freeAll(a, live)
	if p := b.Alloc(); p != nil {
		t.Error("pages in limbo were handed out inside the section")
		b.Free(p)
	}
	if s := h.Stats(); s.Limbo == 0 {
		t.Errorf("pressure put nothing into limbo: %+v", s)
	}
	section.Exit()
	h.Domain().Barrier()
	b.Free(b.Alloc())
}

// TestPressureIsQuick: at a limit where nothing moves, a refusal looks at nothing
// twice.
func TestPressureIsQuick(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	live := allocAll(t, c)
	for range 3 {
		c.Alloc()
	}
	if c.stirs.n != c.stirs.reclaimed {
		t.Errorf("stirred %d times, looked at %d", c.stirs.n, c.stirs.reclaimed)
	}
	freeAll(c, live)
}

// store is what the shrinkers of these tests free from.
type store struct {
	mu   sync.Mutex
	c    *Cache
	objs []Pointer
}

func (s *store) shrink(want uintptr) (freed uintptr) {
	s.mu.Lock()
	n := min(len(s.objs), int(want)/s.c.geo.ObjSize)
	objs := s.objs[:n]
	s.objs = s.objs[n:]
	s.mu.Unlock()
	freeAll(s.c, objs)
	return uintptr(n * s.c.geo.ObjSize)
}

// TestShrinker: shrinkers are asked in order, for as long as they have something,
// and no more after they were cancelled.
func TestShrinker(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 2 << 20})
	a := newTestCache(t, h, "a", 1024, CacheOptions{})
	b := newTestCache(t, h, "b", 4096, CacheOptions{})
	kept := store{c: a, objs: allocAll(t, a)}
	var calls []string
	h.RegisterShrinker(func(want uintptr) uintptr {
		calls = append(calls, "none")
		if want < 4096 || want > 2<<20 {
			t.Errorf("%d bytes wanted", want)
		}
		return 0
	})
	cancel := h.RegisterShrinker(func(want uintptr) uintptr {
		calls = append(calls, "some")
		return kept.shrink(want)
	})
	h.RegisterShrinker(func(want uintptr) uintptr { calls = append(calls, "last"); return 0 })
	p := b.Alloc()
	if p == nil || !slices.Equal(calls, []string{"none", "some"}) {
		t.Fatalf("got %p after the calls %q", p, calls)
	}
	live := allocAll(t, b)
	if len(kept.objs) != 0 || len(live)*4096 < 2<<20*8/10 {
		t.Errorf("%d objects kept back, %d objects in their place", len(kept.objs), len(live))
	}
	if calls[len(calls)-1] != "last" {
		t.Error("the last shrinker was not asked before the end")
	}
	cancel()
	cancel() // twice is legal
	calls = nil
	if b.Alloc() != nil || !slices.Equal(calls, []string{"none", "last"}) {
		t.Errorf("after cancel: calls %q", calls)
	}
	freeAll(b, append(live, p))
	mustPanic(t, "RegisterShrinker: the function must not be nil", func() { h.RegisterShrinker(nil) })
}

// TestShrinkerNests: a shrinker may allocate, free, cancel itself, lie and panic.
func TestShrinkerNests(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	c := newTestCache(t, h, "c", 4096, CacheOptions{})
	live := allocAll(t, c)
	depth, deepest, calls := 0, 0, 0
	cancel := h.RegisterShrinker(func(want uintptr) uintptr {
		calls++
		depth++
		deepest = max(deepest, depth)
		if p := c.Alloc(); p != nil {
			t.Error("an allocation inside a shrinker found what nobody freed")
		}
		c.Free(live[0])
		if live[0] = c.Alloc(); live[0] == nil {
			t.Error("what the shrinker freed is gone")
		}
		depth--
		return 1 << 20 // a lie
	})
	if c.Alloc() != nil || deepest != 1 || calls == 0 || calls > 100 {
		t.Errorf("a shrinker that lies was called %d times, %d deep", calls, deepest)
	}
	cancel()
	for _, c2 := range []struct {
		name string
		fn   func(cancel func())
	}{{"cancel", func(cancel func()) { cancel() }}, {"panic", func(cancel func()) { cancel(); panic("the shrinker's own words") }}} {
		var cancel func()
		cancel = h.RegisterShrinker(func(uintptr) uintptr { c2.fn(cancel); return 0 })
		if c2.name == "panic" {
			mustPanic(t, "the shrinker's own words", func() { c.Alloc() })
		} else if c.Alloc() != nil {
			t.Error("a shrinker that frees nothing helped")
		}
		cancel()
	}
	freeAll(c, live)
}

// TestShrinkerServesAll: as long as the store has enough for all, nobody is
// refused, however many ask at once.
func TestShrinkerServesAll(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 4 << 20})
	a := newTestCache(t, h, "a", 1024, CacheOptions{})
	b := newTestCache(t, h, "b", 512, CacheOptions{})
	for range 3 {
		kept := store{c: a, objs: allocAll(t, a)}
		cancel := h.RegisterShrinker(kept.shrink)
		const parties, each = 4, 1000 // half of what is there
		var refused atomic.Int64
		var wg sync.WaitGroup
		var live [parties][]Pointer
		for i := range parties {
			wg.Go(func() {
				for range each {
					if p := b.Alloc(); p != nil {
						live[i] = append(live[i], p)
					} else {
						refused.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if n := refused.Load(); n != 0 {
			t.Errorf("%d of %d allocations refused, and %d objects could have been freed", n, parties*each, len(kept.objs))
		}
		cancel()
		for i := range live {
			freeAll(b, live[i])
		}
		freeAll(a, kept.objs)
		a.Shrink()
		b.Shrink()
	}
}
