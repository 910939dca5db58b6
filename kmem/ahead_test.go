package kmem

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestAhead: a page that has no memory gets it together with those behind, which count as
// free and resident, up to the limit and not where the block is large.
func TestAhead(t *testing.T) {
	const block = 1 << aheadOrder
	h := newTestHeap(t, HeapOptions{Limit: (2*block + 4) << pageShift})
	b := &h.buddy
	get := func(order uint) uintptr {
		t.Helper()
		p, err := b.getPages(order, 0, true)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.freePages(p, order) })
		checkBuddy(t, b)
		return p
	}
	at := func(used, dirty uintptr) {
		t.Helper()
		if b.used != used || b.dirty != dirty {
			t.Errorf("%d pages in use, %d free and resident; want %d and %d", b.used, b.dirty, used, dirty)
		}
		if n, err := b.region.Resident(); err == nil && n>>pageShift != used+dirty && populates(t) {
			t.Errorf("%d pages are resident, %d count as that", n>>pageShift, used+dirty)
		}
	}
	first := get(0)
	at(1, block-1)
	for n := uintptr(1); n < block; n++ {
		if p := get(0); p >= first+block {
			t.Errorf("page %d of the first is %d, while pages before %d wait resident", n, p, first+block)
		}
	}
	at(block, 0)
	get(2)
	at(block+4, block-4)
	for range block - 4 {
		get(0)
	}
	get(0) // eight more would be above the limit
	at(2*block+1, 3)
	for range 3 {
		get(0)
	}
	if p, err := b.getPages(0, 0, true); err == nil {
		t.Errorf("page %d above the limit", p)
	}

	big := &newTestHeap(t, HeapOptions{}).buddy
	p, err := big.getPages(aheadOrder+1, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	defer big.freePages(p, aheadOrder+1)
	if n, err := big.region.Resident(); big.dirty != 0 || err == nil && n != 0 {
		t.Errorf("a large block that nobody used: %d bytes resident, %d pages free and resident", n, big.dirty)
	}
}

// populates reports whether the system gives memory ahead.
func populates(t *testing.T) bool {
	r, err := mmap.Reserve(mmap.BaseAlign)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Retire()
	if err := r.Commit(0, pageSize); err != nil {
		t.Fatal(err)
	}
	r.Populate(0, pageSize)
	n, err := r.Resident()
	return err == nil && n == pageSize
}

// TestAheadGrows: the first slab of a cache gets its memory as it is used, and what comes
// after full ones gets it ahead.
func TestAheadGrows(t *testing.T) {
	if !populates(t) {
		t.Skip("the system gives no memory ahead, or does not tell")
	}
	h := newTestHeap(t, HeapOptions{Layout: LayoutNative})
	c := newTestCache(t, h, "grows", 64, CacheOptions{})
	slab := uintptr(1) << (c.geo.Order + pageShift)
	grow := func() (ahead bool) {
		t.Helper()
		before, _ := h.buddy.region.Resident()
		if err := c.grow(0); err != nil {
			t.Fatal(err)
		}
		after, err := h.buddy.region.Resident()
		if err != nil {
			t.Fatal(err)
		}
		return after-before >= slab
	}
	if grow() {
		t.Error("the first slab got its memory ahead")
	}
	objs := make([]Pointer, c.num)
	if err := c.AllocBulk(objs); err != nil {
		t.Fatal(err)
	}
	if c.lists.group[slabsFull].n != 1 {
		t.Fatalf("%d full slabs, want 1", c.lists.group[slabsFull].n)
	}
	if !grow() {
		t.Error("a slab after a full one got no memory ahead")
	}
	c.FreeBulk(objs)
}

// TestAheadAtLimit: who comes to the limit while pages are populated ahead waits for them.
func TestAheadAtLimit(t *testing.T) {
	const limit = 1<<aheadOrder + 1
	h := newTestHeap(t, HeapOptions{Limit: limit << pageShift})
	b := &h.buddy
	f, _, err := b.tryPages(0, 0, true)
	if err != nil || f.order != aheadOrder {
		t.Fatalf("a block of order %d, %v; want order %d", f.order, err, aheadOrder)
	}
	rest := make(chan error)
	go func() {
		defer close(rest)
		for range limit - 1 {
			p, err := b.getPages(0, 0, true)
			if err != nil {
				rest <- err
				return
			}
			defer b.freePages(p, 0)
		}
	}()
	select {
	case err := <-rest:
		t.Fatalf("%v, while %d pages are on their way to the lists", err, 1<<aheadOrder-1)
	case <-time.After(20 * time.Millisecond):
	}
	if err := b.freshen(f, 0, true); err != nil {
		t.Fatal(err)
	}
	if err := <-rest; err != nil {
		t.Errorf("%v, after they came", err)
	}
	b.freePages(f.first, 0)
	checkBuddy(t, b)
}

// TestAheadTorture. Oracle: who wants no more than the limit leaves gets it, although
// pages are on their way to the lists, or to the system, all the time. One takes a page
// with the memory of a block, and the other one all others.
func TestAheadTorture(t *testing.T) {
	const limit = 1<<aheadOrder + 8
	h := newTestHeap(t, HeapOptions{Limit: limit << pageShift})
	b := &h.buddy
	var stop atomic.Bool
	var takes atomic.Uint64
	take := func(n int) {
		var pages [limit]uintptr
		for !stop.Load() {
			for i := range n {
				p, err := b.getPages(0, 0, true)
				if err != nil {
					stop.Store(true)
					t.Errorf("%d of %d pages, and then %v", i, n, err)
					return
				}
				h.setOwner(p, 0, 1)
				pages[i] = p
				takes.Add(1)
			}
			for _, p := range pages[:n] {
				b.freePages(p, 0)
			}
			b.trim()
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { take(1) })
	wg.Go(func() { take(limit - 1) })
	ahead := func() uint64 {
		done, _ := b.populated()
		return done
	}
	rest(&stop, func() bool { return takes.Load() > 10_000 && ahead() > 1000 })
	stop.Store(true)
	wg.Wait()
	t.Logf("%d pages taken, %d blocks populated ahead", takes.Load(), ahead())
	if !t.Failed() {
		b.trim()
		checkBuddy(t, b)
		if b.used != 0 || b.dirty != 0 {
			t.Errorf("%d pages in use, %d free and resident; want none", b.used, b.dirty)
		}
	}
}

func TestMutantsAhead(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	mutant.Run(t, []mutant.Mutant{{
		Name: "memory ahead of the limit", File: "buddy.go",
		Old: "ahead > order && b.used+b.dirty+1<<ahead > b.limit", New: "false",
		Test: "^TestAhead$", Expect: "in use, .* free and resident; want",
	}, {
		Name: "what comes with a page is lost", File: "buddy.go",
		Old: "			b.put(f.first+1<<half, half, dirty)\n", New: "",
		Test: "^TestAhead$", Expect: "pages free|resident",
	}, {
		Name: "large blocks get memory too", File: "buddy.go",
		Old: "f.state == clean && f.order <= aheadOrder", New: "f.state == clean",
		Test: "^TestAhead$", Expect: "a large block",
	}, {
		Name: "the first slab gets memory ahead", File: "grow.go",
		Old: "c.lists.group[slabsFull].n > 0", New: "true",
		Test: "^TestAheadGrows$", Expect: "the first slab",
	}, {
		Name: "no slab gets memory ahead", File: "grow.go",
		Old: "c.lists.group[slabsFull].n > 0", New: "false",
		Test: "^TestAheadGrows$", Expect: "after a full one",
	}, {
		Name: "nobody waits for what is on its way", File: "buddy.go",
		Old: "given+done == seen && !pending", New: "given == seen",
		Test: "^TestAheadAtLimit$", Expect: "no memory.*while 15 pages",
	}})
}
