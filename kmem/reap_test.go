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
// the object in the hot slot stays.
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

// TestReapArray: how much a look takes: a fifth of the limit, half of what is
// left when that is less, nothing after a refill; and what is left of the limit.
func TestReapArray(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	s := &c.slots.s[0]
	for _, step := range []struct {
		limit, avail int
		touched      bool
		left, room   int
		again        bool
	}{
		{120, 100, true, 100, 120, true},
		{120, 100, false, 76, 120, true},
		{120, 25, false, 1, 120, true},
		{120, 24, false, 0, 120, true},
		{120, 23, false, 11, 120, true},
		{120, 1, false, 0, 120, true},
		{120, 0, true, 0, 120, true},
		{120, 0, false, 0, 0, false},
		{1000, 300, false, 100, 500, true},
		{1000, 1000, false, 800, 1000, true},
		{200, 50, false, 10, 120, true},
		{1, 1, false, 0, 120, true}, // the limit was raised since
	} {
		var live []Pointer
		for range step.avail {
			live = append(live, c.Alloc())
		}
		c.drain("test")
		if !s.take() {
			t.Fatal("the slot is taken")
		}
		s.resize(max(step.limit, step.avail))
		s.limit = uint32(step.limit)
		for i, p := range live {
			*s.entries.at(uint32(i + 1)) = h.offset(p)
		}
		s.setAvail(step.avail)
		s.touched = 0
		if step.touched {
			s.touched = 1
		}
		var v victims
		again, _ := c.reapArray(&s.arrayCache, &v)
		if s.avail > 0 && s.under != h.offset(live[len(live)-1]) {
			t.Errorf("%+v: the object freed last went, want the oldest", step)
		}
		room := int(s.limit)
		if step.limit == 1 {
			room = 120 // TestTune has limits below the default
		}
		if int(s.avail) != step.left || room != step.room || again != step.again {
			t.Errorf("%+v: %d objects and room for %d are left, again %v", step, s.avail, s.limit, again)
		}
		s.giveBack()
		c.endOf(v)
		c.Shrink()
	}
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
		// One object, by way of a slot that was stripped: only its hot slot is used.
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

// TestDestroyAwaits: Destroy returns only when a slab that somebody took off its
// list before is in limbo, and its callback was waited for.
func TestDestroyAwaits(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{Flags: DestroyByRCU})
	fillAndFree(c.Alloc, c.Free, 1)
	v := c.drain("test")
	c.lock()
	c.takeFree(&v) // as a reaper does, which is now on its way to destroySlabs
	c.unlock()
	if v.n != 1 {
		t.Fatalf("%d slabs taken, want 1", v.n)
	}
	done := make(chan error)
	go func() { done <- c.Destroy() }()
	select {
	case err := <-done:
		t.Errorf("the cache was destroyed while one of its slabs was on its way: %v", err)
		return
	case <-time.After(20 * time.Millisecond):
	}
	c.destroySlabs(v)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestReapSlabs: how many free slabs a look takes: those that were there all the
// time, or a fifth of the limit if none was touched; and what becomes of the limit.
func TestReapSlabs(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 256, CacheOptions{})
	num := c.geo.Num
	high := 100 * num // of which a fifth is 20 slabs
	for _, step := range []struct {
		free, low   int
		touched     bool
		limit, peak int
		left, decay int
	}{
		{30, 12, true, high, high, 18, high},
		{30, 0, true, high, high, 30, high},
		{30, 12, false, high, high, 10, high},
		{30, 25, false, high, high, 5, high},
		{30, 0, false, 1, 0, 29, 0}, // 0: the base, below which it does not go
		{10, 0, false, high, high, 0, high},
		{30, 10, true, high, 20 * num, 20, high / 2},
		{30, 10, true, high, 60 * num, 20, high},
	} {
		live := make([]Pointer, step.free*num)
		for i := range live {
			live[i] = c.Alloc()
		}
		c.lock()
		c.freeLimit = 1 << 20
		c.unlock()
		freeAll(c, live)
		v := c.drain("test")
		c.lock()
		l := &c.lists
		for l.group[slabsFree].n > step.free { // what batches brought beyond
			c.doom(l.group[slabsFree].head, &v)
		}
		if l.group[slabsFree].n != step.free {
			t.Fatalf("%d free slabs, want %d", l.group[slabsFree].n, step.free)
		}
		l.group[slabsFree].low, l.freeTouched, l.freePeak, c.freeLimit = step.low, step.touched, step.peak, step.limit
		c.reapSlabs(&v)
		left, low, limit := l.group[slabsFree].n, l.group[slabsFree].low, c.freeLimit
		c.unlock()
		if want := max(step.decay, c.baseFreeLimit()); left != step.left || low != left || limit != want {
			t.Errorf("%+v: %d slabs are left, %d the least from now on, limit %d, want %d", step, left, low, limit, want)
		}
		c.endOf(v)
		c.Shrink()
	}
}

// TestDestroyWaitsForReaders: Destroy does not return while a section is open that
// began before it, since the callbacks of its slabs need the cache.
func TestDestroyWaitsForReaders(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{Flags: DestroyByRCU})
	fillAndFree(c.Alloc, c.Free, 1)
	section := h.Domain().Enter()
	done := make(chan error)
	go func() { done <- c.Destroy() }()
	select {
	case err := <-done:
		section.Exit()
		t.Fatalf("the cache was destroyed inside a reader's section: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	section.Exit()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
