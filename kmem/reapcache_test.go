package kmem

import (
	"testing"
	"time"
)

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
			*s.entries.at(uint32(i)) = addr(p)
		}
		s.avail = uint32(step.avail)
		s.touched = 0
		if step.touched {
			s.touched = 1
		}
		var v victims
		again, _ := c.reapArray(&s.arrayCache, &v)
		if s.avail > 0 && *s.entries.at(s.avail - 1) != addr(live[len(live)-1]) {
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
		free := &l.of(slabsFree)[0]
		for i := range l.of(slabsFree) { // all are of the home of this goroutine's slot
			if other := &l.of(slabsFree)[i]; other.n > free.n {
				free = other
			}
		}
		for free.n > step.free { // what batches brought beyond
			c.doom(free.head, &v)
		}
		if l.count(slabsFree) != step.free {
			t.Fatalf("%d free slabs, want %d of one home", l.count(slabsFree), step.free)
		}
		free.low, l.freeTouched, l.freePeak, c.freeLimit = step.low, step.touched, step.peak, step.limit
		c.reapSlabs(&v)
		left, low, limit := free.n, free.low, c.freeLimit
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
