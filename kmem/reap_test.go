package kmem

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/smp"
)

// underFakeClock runs f with a heap whose reaper has the default intervals, or
// those of o.
func underFakeClock(t *testing.T, o HeapOptions, f func(t *testing.T, h *Heap)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Reap == (ReapOptions{}) {
			o.Reap, _ = o.Reap.filled()
		}
		if o.Reserve == 0 {
			o.Reserve = 1 << 28
		}
		h := newTestHeap(t, o)
		t.Cleanup(func() {
			if t.Failed() {
				h.reaper.end() // the bubble waits for it
			}
		})
		f(t, h)
	})
}

// fillAndFree allocates n objects and frees them again.
func fillAndFree(alloc func() Pointer, free func(Pointer), n int) {
	live := make([]Pointer, n)
	for i := range live {
		live[i] = alloc()
	}
	for _, p := range live {
		free(p)
	}
}

// slow says that this is a lane of checks, where millions of objects take minutes.
const slow = invariant.Enabled || mmap.HeapBacked

// bare reports whether no page of the heap has memory behind it.
func bare(h *Heap) bool { s := h.Stats(); return s.Live+s.Limbo+s.Free == 0 }

// TestReapGoal: a second after everything was freed all pages are back with the
// system, whether they were many or few, and the goroutine is gone.
func TestReapGoal(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{0, DestroyByRCU} {
			for _, size := range []int{64, 1000} {
				for _, n := range []int{1, 100, 5000, 100000} {
					if slow {
						n = min(n, 2000)
					}
					underFakeClock(t, HeapOptions{Layout: layout}, func(t *testing.T, h *Heap) {
						c := newTestCache(t, h, "c", size, CacheOptions{Flags: flags})
						for range 3 { // the third time with arrays and a free limit that grew
							fillAndFree(c.Alloc, c.Free, n)
						}
						start := time.Now()
						for !bare(h) && time.Since(start) < time.Second {
							time.Sleep(10 * time.Millisecond)
						}
						if !bare(h) {
							t.Fatalf("flags %v, %d objects of %d bytes: after a second %+v\n%+v", flags, n, size, h.Stats(), c.Stats())
						}
						t.Logf("flags %v, %d objects of %d bytes: all back after %v, %d looks", flags, n, size, time.Since(start), h.reaper.passes.Load())
						time.Sleep(time.Second)
						if s := h.reaper.state.Load(); s != reaperAbsent {
							t.Errorf("the reaper of an idle heap is in state %d", s)
						}
					})
				}
			}
		}
	})
}

// TestReapCPUs: arrays of emulated CPUs that are online and idle are drained; only
// the objects in the hot slots stay.
func TestReapCPUs(t *testing.T) {
	underFakeClock(t, HeapOptions{}, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		smp.Run(2, func(cpu *smp.CPU) {
			l := c.On(cpu)
			fillAndFree(l.Alloc, l.Free, 5000)
			time.Sleep(time.Second)
			l.enter("test")
			defer l.leave()
			if l.avail != 0 || l.limit != 0 {
				t.Errorf("after an idle second the array holds %d objects and has room for %d", l.avail, l.limit)
			}
		})
	})
}

// TestReapLeavesWhatIsUsed: a cache that swings keeps its arrays and slabs, and
// the same objects at rest lose them.
func TestReapLeavesWhatIsUsed(t *testing.T) {
	underFakeClock(t, HeapOptions{}, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		n := 5000
		if slow {
			n = 1000
		}
		swing := func(d time.Duration) (made uint64) {
			before := c.Stats().Grown
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				fillAndFree(c.Alloc, c.Free, n)
			}
			return c.Stats().Grown - before
		}
		swing(time.Second)
		if made := swing(3 * time.Second); made > 10*uint64(n/64) {
			t.Errorf("a cache in use made %d slabs in 300 turns; it needs %d", made, n/64)
		}
		limit := c.Stats().FreeLimit
		time.Sleep(time.Second)
		if s := c.Stats(); s.Slabs != 0 || s.FreeLimit != c.baseFreeLimit() {
			t.Errorf("after a second at rest: %+v, free limit was %d and should be %d", s, limit, c.baseFreeLimit())
		}
	})
}

// TestReapDecay: the free limit decays also while slabs are in use, if no more
// of them are free at times than a smaller limit would keep.
func TestReapDecay(t *testing.T) {
	underFakeClock(t, HeapOptions{}, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		n := 100000
		if slow {
			n = 20000
		}
		for range 10 {
			fillAndFree(c.Alloc, c.Free, n)
		}
		high := c.Stats().FreeLimit
		var live []Pointer
		for range 10000 {
			live = append(live, c.Alloc())
		}
		for range 100 {
			fillAndFree(c.Alloc, c.Free, 300)
			time.Sleep(10 * time.Millisecond)
		}
		if s := c.Stats(); high < n/3 || s.FreeLimit > c.baseFreeLimit()*2 || s.SlabsFree > 20 {
			t.Errorf("the limit was %d; after a second of little use %+v", high, s)
		}
		for _, p := range live {
			c.Free(p)
		}
	})
}

// TestNoReap: the reaper stays away from a cache with the flag.
func TestNoReap(t *testing.T) {
	underFakeClock(t, HeapOptions{Layout: Layout2_6_9}, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "c", 64, CacheOptions{Flags: NoReap})
		fillAndFree(c.Alloc, c.Free, 5000)
		before := c.Stats()
		time.Sleep(10 * time.Second)
		if after := c.Stats(); after != before || after.SlabsFree == 0 {
			t.Errorf("before %+v\nafter  %+v", before, after)
		}
		if s := h.reaper.state.Load(); s != reaperAbsent {
			t.Errorf("the reaper is in state %d with nothing to do", s)
		}
		if c.Shrink() == 0 {
			t.Error("Shrink destroyed nothing")
		}
	})
}

// TestReapRests: an idle heap costs nothing, with objects out too, and the next
// use starts the reaper again.
func TestReapRests(t *testing.T) {
	underFakeClock(t, HeapOptions{}, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		for round := range 5 {
			var live []Pointer
			for range 1000 {
				live = append(live, c.Alloc())
			}
			time.Sleep(2 * time.Second)
			looks := h.reaper.passes.Load()
			if looks == 0 || looks > uint64(round+1)*60 {
				t.Errorf("round %d: %d looks", round, looks)
			}
			time.Sleep(time.Hour)
			if n := h.reaper.passes.Load() - looks; n != 0 {
				t.Errorf("round %d: %d looks at an idle heap", round, n)
			}
			for _, p := range live {
				c.Free(p)
			}
			time.Sleep(time.Second)
			if !bare(h) {
				t.Errorf("round %d: a second after the last free %+v", round, h.Stats())
			}
		}
		// One object, by way of a slot that was stripped: only its hot slots are used.
		p := c.Alloc()
		time.Sleep(time.Minute)
		c.Free(p)
		time.Sleep(time.Second)
		if !bare(h) {
			t.Errorf("a second after the one object was freed: %+v\n%+v", h.Stats(), c.Stats())
		}
	})
}

// TestReapKernelIntervals: with the intervals of 2.6.9 things take as long as
// they did there.
func TestReapKernelIntervals(t *testing.T) {
	o := HeapOptions{Reap: ReapOptions{Arrays: 2 * time.Second, Slabs: 4 * time.Second, Pages: time.Second}}
	underFakeClock(t, o, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		fillAndFree(c.Alloc, c.Free, 1000)
		time.Sleep(3 * time.Second)
		if s := c.Stats(); s.Destroyed != 0 {
			t.Errorf("after 3 s %d slabs were destroyed", s.Destroyed)
		}
		time.Sleep(time.Minute)
		if !bare(h) {
			t.Errorf("after a minute %+v", h.Stats())
		}
	})
}

func TestReapOptions(t *testing.T) {
	_, err := NewHeap(HeapOptions{Name: "odd", Reap: ReapOptions{Slabs: -time.Second}})
	if err == nil || !strings.Contains(err.Error(), `NewHeap "odd": the interval Reap.Slabs is -1s, legal are 0 for 80ms and above`) {
		t.Errorf("a negative interval: %v", err)
	}
	underFakeClock(t, HeapOptions{Reap: ReapOptions{Off: true}}, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		fillAndFree(c.Alloc, c.Free, 1000)
		time.Sleep(time.Minute)
		if n := h.reaper.passes.Load(); n != 0 || bare(h) {
			t.Errorf("%d looks of a reaper that is off", n)
		}
	})
}

// TestSlotsFollow: slots come with processors, under load, and no object is lost.
func TestSlotsFollow(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	h := newTestHeap(t, HeapOptions{Reap: ReapOptions{Arrays: time.Millisecond}})
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	if n := len(c.slots.s); n != 4 {
		t.Fatalf("%d slots for one processor, want 4", n)
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for !stop.Load() {
				fillAndFree(c.Alloc, c.Free, 300)
				runtime.Gosched()
			}
		})
	}
	for _, procs := range []int{2, 3, 6} {
		runtime.GOMAXPROCS(procs)
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			c.owners.Lock()
			n := len(c.slots.s)
			c.owners.Unlock()
			if n == slotCount() {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%d slots for %d processors, want %d", n, procs, slotCount())
			}
		}
	}
	stop.Store(true)
	wg.Wait()
	c.Shrink()
	if s := c.Stats(); s.Active != 0 {
		t.Errorf("%d objects lost on the way to more slots", s.Active)
	}
}

// TestReapGone: Close ends the reaper at work, and a heap that nobody closes has
// no goroutine for long.
func TestReapGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := NewHeap(HeapOptions{Name: "reaped", Reserve: 16 << 20})
		if err != nil {
			t.Fatal(err)
		}
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		fillAndFree(c.Alloc, c.Free, 1000)
		if s := h.reaper.state.Load(); s != reaperAtWork {
			t.Errorf("state %d after work", s)
		}
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		buf := make([]byte, 1<<20)
		if s := string(buf[:runtime.Stack(buf, true)]); strings.Contains(s, "(*reaper).run") {
			t.Error(fmt.Sprint("a reaper outlives its heap:\n", s))
		}
	})
}
