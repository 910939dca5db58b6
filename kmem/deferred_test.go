package kmem

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// TestFreeDeferred: an object is neither written nor handed out while a section
// is open that was there before, and is soon after.
func TestFreeDeferred(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, size := range []int{8, 64, 5000} {
			h := newTestHeap(t, HeapOptions{Layout: layout})
			c := newTestCache(t, h, "deferred", size, CacheOptions{})
			section := h.Domain().Enter()
			n := 3*blockEntries + 5
			if size > 1000 {
				n = 100
			}
			live := map[Pointer]bool{}
			for i := range n {
				p := c.Alloc()
				*(*uint64)(p) = uint64(i)<<8 | 0xA5
				live[p] = true
			}
			for p := range live {
				c.FreeDeferred(p)
			}
			for range 100 {
				h.Domain().Drive()
				runtime.Gosched()
				if p := c.Alloc(); live[p] {
					t.Fatalf("%p was handed out inside the section", p)
				} else {
					defer c.Free(p)
				}
			}
			for p := range live {
				if *(*uint64)(p)&0xFF != 0xA5 {
					t.Fatalf("%p was written", p)
				}
			}
			if s := c.Stats(); s.Deferred != n || s.Active < n {
				t.Fatalf("%d deferred: %+v", n, s)
			}
			section.Exit()
			soon(t, "the deferred objects free", func() bool { return c.Stats().Deferred == 0 })
			c.BarrierDeferred() // of none
			c.Shrink()
			if s := c.Stats(); s.Active != 100 {
				t.Fatalf("100 of the objects are live: %+v", s)
			}
		}
	})
}

// soon waits for what must happen by itself.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// TestFreeDeferredBatches: a block's worth of objects costs one callback.
func TestFreeDeferredBatches(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "deferred", 64, CacheOptions{})
	section := h.Domain().Enter()
	const n = 20 * blockEntries
	before := h.Domain().Stats().Queued
	for range n {
		c.FreeDeferred(c.Alloc())
	}
	if calls := h.Domain().Stats().Queued - before; calls < 20 || calls > 25 {
		t.Errorf("%d objects took %d callbacks, want one for every %d and a tick", n, calls, blockEntries)
	}
	section.Exit()
	c.BarrierDeferred()
	if s := c.Stats(); s.Deferred != 0 {
		t.Errorf("after the barrier: %+v", s)
	}
}

// TestFreeDeferredRefuses: foreign pointers and the same one twice.
func TestFreeDeferredRefuses(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	p := c.Alloc()
	mustPanic(t, "nil pointer", func() { c.FreeDeferred(nil) })
	mustPanic(t, "foreign pointer", func() { c.FreeDeferred(Pointer(t)) })
	mustPanic(t, "misaligned pointer", func() { c.FreeDeferred(at(p, 8)) })
	section := h.Domain().Enter()
	other := c.Alloc()
	// A second one is seen where both go to one slot, which is chosen by where the stack is:
	// from one frame, and after a call that made it as large as it gets.
	mustPanic(t, fmt.Sprintf("Free of %p to cache \"c\": double free", p), func() {
		for _, p := range []Pointer{other, p, p} {
			c.FreeDeferred(p)
		}
	})
	section.Exit()
}

// TestDestroyWaitsForDeferred: objects on their way are no reason to refuse, and
// are not lost.
func TestDestroyWaitsForDeferred(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{0, DestroyByRCU} {
			for _, n := range []int{1, blockEntries, 3*blockEntries + 1} {
				h := newTestHeap(t, HeapOptions{Layout: layout})
				c := newTestCache(t, h, "c", 128, CacheOptions{Flags: flags})
				for range n {
					c.FreeDeferred(c.Alloc())
				}
				if err := c.Destroy(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestBarrierDeferred: what was freed before the barrier is home after it, whoever sent
// it off.
func TestBarrierDeferred(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			h.flushDeferred()
			runtime.Gosched()
		}
	})
	early, n := 0, 0
	for end := time.Now().Add(tortureFor() / 2); time.Now().Before(end) && early == 0; n++ {
		c.FreeDeferred(c.Alloc())
		c.BarrierDeferred()
		c.Shrink()
		if c.Stats().Objects != 0 {
			early++
		}
	}
	stop.Store(true)
	wg.Wait()
	if early > 0 {
		t.Errorf("barrier %d returned with an object on its way", n)
	}
	t.Logf("%d barriers", n)
}

// TestFirstDeferredFree: the first free of a cache that gets more slots meanwhile. The
// race detector looks on.
func TestFirstDeferredFree(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	h := newTestHeap(t, HeapOptions{})
	for i := range 20 {
		runtime.GOMAXPROCS(1)
		c := newTestCache(t, h, fmt.Sprint("c", i), 64, CacheOptions{})
		runtime.GOMAXPROCS(8)
		var wg sync.WaitGroup
		wg.Go(c.growSlots)
		wg.Go(func() { c.FreeDeferred(c.Alloc()) })
		wg.Wait()
	}
}

// TestDeferredAtLimit: at the heap's limit a deferred free still works, and what
// waits is sent off for the allocation that needs it.
func TestDeferredAtLimit(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Name: "small", Limit: 1 << 20, Layout: layout})
		c := newTestCache(t, h, "c", 512, CacheOptions{})
		for round := range 5 {
			var live []Pointer
			for p := c.Alloc(); p != nil; p = c.Alloc() {
				live = append(live, p)
			}
			if len(live) < 1000 {
				t.Fatalf("round %d: only %d objects fit", round, len(live))
			}
			for _, p := range live {
				c.FreeDeferred(p)
			}
			soon(t, "memory", func() bool {
				p := c.Alloc()
				if p != nil {
					c.Free(p)
				}
				return p != nil
			})
			c.BarrierDeferred()
			c.Shrink() // the arrays of other slots
		}
	})
}

// TestDeferredTorture: readers follow a published pointer while writers replace
// and defer. Oracle: an object that a reader found reads as it was published
// until the section ends.
func TestDeferredTorture(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		c := newTestCache(t, h, "torture", 64, CacheOptions{})
		deferredTorture(t, h.Domain(), c)
	})
}

const published = 0xB0B0B0B0

func deferredTorture(t *testing.T, d *urcu.Domain, c *Cache) {
	var place [4]atomic.Pointer[uint64]
	stop, reads := make(chan struct{}), atomic.Int64{}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				section := d.Enter()
				for range 4 {
					if p := place[i%4].Load(); p != nil {
						for range 20 {
							if v := atomic.LoadUint64(p); v != published {
								t.Errorf("inside the section the object reads %#x", v)
								section.Exit()
								return
							}
						}
						reads.Add(1)
					}
					runtime.Gosched()
				}
				section.Exit()
			}
		})
	}
	writes := 60000
	if testing.Short() {
		writes = 15000
	}
	smp.Run(2, func(cpu *smp.CPU) {
		l := c.On(cpu)
		for i := range writes {
			p := (*uint64)(l.Alloc())
			atomic.StoreUint64(p, published)
			old := place[i%4].Swap(p)
			if old != nil {
				l.FreeDeferred(Pointer(old))
			}
			q := l.Alloc()
			atomic.StoreUint64((*uint64)(q), 0xDEAD) // whoever got it may write
			l.Free(q)
		}
	})
	close(stop)
	wg.Wait()
	for i := range place {
		if p := place[i].Load(); p != nil {
			c.FreeDeferred(Pointer(p))
		}
	}
	t.Logf("%d reads beside %d deferred frees", reads.Load(), 2*writes)
}

func BenchmarkFreeDeferred(b *testing.B) {
	h := newTestHeap(b, HeapOptions{})
	c := newTestCache(b, h, "bench", 64, CacheOptions{})
	for b.Loop() {
		c.FreeDeferred(c.Alloc())
	}
	c.BarrierDeferred()
}

// TestDeferredDebug: objects of a debug cache are checked when they are freed at
// last, and a second free of one is seen then.
func TestDeferredDebug(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		c := newTestCache(t, h, "debug", 64, CacheOptions{Flags: RedZone | Poison | StoreUser})
		p := c.Alloc()
		mustPanic(t, "misaligned pointer", func() { c.FreeDeferred(at(p, 8)) })
		section := h.Domain().Enter()
		*(*uint64)(p) = 7
		c.FreeDeferred(p)
		for range 200 {
			c.FreeDeferred(c.Alloc())
		}
		if v := *(*uint64)(p); v != 7 {
			t.Errorf("inside the section the object reads %#x", v)
		}
		section.Exit()
		c.BarrierDeferred()
		if v := *(*uint64)(p); v == 7 {
			t.Error("the object was not poisoned")
		}
	})
}

// TestDeferredAside: objects that go beside the arrays are freed deferred like
// any others: guarded samples and those of the profile.
func TestDeferredAside(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for name, o := range map[string]HeapOptions{
			"guard":   {Debug: DebugOptions{GuardEvery: 1}},
			"profile": {ProfileRate: 1},
		} {
			t.Run(name, func(t *testing.T) {
				o.Layout = layout
				h := newTestHeap(t, o)
				c := newTestCache(t, h, "aside", 64, CacheOptions{})
				for range 3 {
					section := h.Domain().Enter()
					var live []*uint64
					for range 100 {
						p := (*uint64)(c.Alloc())
						*p = published
						live = append(live, p)
					}
					for i, p := range live {
						if i%2 == 0 {
							c.FreeDeferred(Pointer(p))
						} else {
							h.FreeDeferred(Pointer(p))
						}
					}
					for _, p := range live {
						if *p != published {
							t.Fatalf("inside the section the object reads %#x", *p)
						}
					}
					section.Exit()
					c.BarrierDeferred()
				}
			})
		}
	})
}
