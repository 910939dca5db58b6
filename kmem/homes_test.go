package kmem

import (
	"errors"
	"math/bits"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// settlers are owners of array caches in one cache, each with what it has allocated.
type settlers struct {
	t     *testing.T
	c     *Cache
	owner [2]*slot
	live  [2][]addr
}

// settle makes a cache with slabs of 128 objects for two owners of different homes.
func settle(t *testing.T, o HeapOptions) *settlers {
	o.Layout, o.Reap.Off = LayoutNative, true
	s := &settlers{t: t, c: newTestCache(t, newTestHeap(t, o), "homes", 256, CacheOptions{})}
	for i := range s.owner {
		s.owner[i] = &s.c.slots.s[i]
		if !s.owner[i].take() {
			t.Fatal("a slot is taken")
		}
	}
	t.Cleanup(func() {
		for i, o := range s.owner {
			o.giveBack()
			for _, obj := range s.live[i] {
				s.c.Free(obj.pointer())
			}
		}
	})
	return s
}

// alloc lets owner i allocate n objects.
func (s *settlers) alloc(i, n int) error {
	for n > 0 {
		if obj := s.c.get(&s.owner[i].arrayCache); obj != 0 {
			s.live[i] = append(s.live[i], obj)
			n--
		} else if err := s.c.grow(uint8(i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *settlers) mustAlloc(i, n int) {
	s.t.Helper()
	if err := s.alloc(i, n); err != nil {
		s.t.Fatal(err)
	}
}

// free lets owner i free an object.
func (s *settlers) free(i int, obj addr) {
	v, twice := s.c.give(&s.owner[i].arrayCache, obj)
	s.c.afterFree(v, twice)
}

// flush puts what owner i has at hand on the slabs.
func (s *settlers) flush(i int) {
	var v victims
	s.c.empty(&s.owner[i].arrayCache, &v)
	s.c.emptyHot(&s.owner[i].arrayCache, &v)
	s.c.afterFree(v, 0)
}

// thin puts all but each k-th of owner i's objects back on their slabs; 0 is all.
func (s *settlers) thin(i, k int) {
	kept := s.live[i][:0]
	for j, obj := range s.live[i] {
		if k > 0 && j%k == 0 {
			kept = append(kept, obj)
		} else {
			s.free(i, obj)
		}
	}
	s.live[i] = kept
	s.flush(i)
	var v victims
	s.c.emptyShared(&v)
	s.c.afterFree(v, 0)
}

// slabs is the set of slabs with live objects of owner i, by their descriptors.
func (s *settlers) slabs(i int) map[pageSlab]bool {
	set := map[pageSlab]bool{}
	for _, obj := range s.live[i] {
		set[*s.c.heap.slabOf(obj.above(s.c.base) >> pageShift)] = true
	}
	return set
}

// apart fails when the two owners have objects on one slab.
func (s *settlers) apart(when string) {
	s.t.Helper()
	theirs := s.slabs(1)
	for slab := range s.slabs(0) {
		if theirs[slab] {
			s.t.Errorf("%s: owners of two homes have objects on one slab", when)
		}
	}
}

// TestHomes: two owners that allocate in turns have no slab in common, also when one of
// them finds many objects of the other on the slabs and when those are full no more. Only
// when there are more than a slab for each home has they are taken by anybody.
func TestHomes(t *testing.T) {
	s := settle(t, HeapOptions{})
	for range 100 {
		s.mustAlloc(0, 10)
		s.mustAlloc(1, 10)
	}
	s.apart("in turns")
	s.thin(0, 2)
	if idle := s.c.lists.freeObjects; idle < 400 || idle > homes*128 {
		t.Fatalf("%d objects are idle", idle)
	}
	s.mustAlloc(1, 300)
	s.apart("beside idle objects")
	grown := s.c.Stats().Grown
	s.mustAlloc(0, 300)
	s.apart("at home again")
	if n := s.c.Stats().Grown - grown; n != 0 {
		t.Errorf("%d new slabs for an owner with objects at home", n)
	}

	s.mustAlloc(0, 2*homes*128)
	s.thin(0, 3)
	idle := s.c.lists.freeObjects
	s.mustAlloc(1, idle)
	if left := s.c.lists.freeObjects; left > (homes+1)*128 { // and one that is new
		t.Errorf("%d of %d objects are idle while another home grows, want at most a slab for each home, %d", left, idle, homes*128)
	}
}

// TestHomesOfFreeSlabs: slabs that are free wait for owners of their home. Those that
// others took come home when they are free again.
func TestHomesOfFreeSlabs(t *testing.T) {
	s := settle(t, HeapOptions{})
	s.c.freeLimit = 1 << 20 // so that slabs stay
	s.mustAlloc(0, 5*128)
	own := s.slabs(0)
	s.thin(0, 0)
	s.mustAlloc(1, 5*128)
	for slab := range s.slabs(1) {
		if own[slab] {
			t.Error("an owner of another home took a free slab")
		}
	}
	grown := s.c.Stats().Grown
	s.mustAlloc(0, 5*128)
	if n := s.c.Stats().Grown - grown; n != 0 {
		t.Errorf("%d new slabs for an owner whose slabs were free", n)
	}

	s.thin(0, 0)
	s.c.lists.starved = true // the other one takes all
	s.mustAlloc(1, 5*128)
	s.thin(1, 0)
	s.c.lists.starved = false
	grown = s.c.Stats().Grown
	s.mustAlloc(0, 5*128)
	if n := s.c.Stats().Grown - grown; n != 0 {
		t.Errorf("%d new slabs for an owner whose slabs have come home", n)
	}
}

// TestHomesOfMagazines: what one owner frees of another one's waits in the shared array for
// that one, whether it came in a magazine or in a bulk. Only without memory the other has it.
func TestHomesOfMagazines(t *testing.T) {
	for _, bulk := range []bool{false, true} {
		s := settle(t, HeapOptions{})
		s.mustAlloc(1, 400)
		own := s.slabs(1)
		if objs := s.live[1]; bulk {
			s.c.putStraight(objs, new(victims))
		} else {
			for _, obj := range objs {
				s.free(0, obj)
			}
			s.flush(0)
		}
		s.live[1] = nil
		s.flush(1)
		shared := s.c.shared.avail
		if shared < 200 {
			t.Fatalf("%d objects are in the shared array", shared)
		}
		s.mustAlloc(0, shared)
		for slab := range s.slabs(0) {
			if own[slab] {
				t.Fatalf("bulk %v: an owner got what another one's waits for", bulk)
			}
		}
		grown := s.c.Stats().Grown
		s.mustAlloc(1, shared)
		if n := s.c.Stats().Grown - grown; n != 0 || s.c.shared.avail > 0 {
			t.Errorf("bulk %v: %d new slabs for an owner for whom objects waited, of which %d are left", bulk, n, s.c.shared.avail)
		}

		s.thin(0, 0)
		s.c.putStraight(s.live[1], new(victims))
		s.live[1] = nil
		shared = s.c.shared.avail
		idle := s.c.lists.freeObjects + shared
		s.c.lists.starved = true
		for range idle {
			if obj := s.c.get(&s.owner[0].arrayCache); obj != 0 {
				s.live[0] = append(s.live[0], obj)
			}
		}
		if n := len(s.live[0]); shared == 0 || n != idle {
			t.Errorf("bulk %v: without memory an owner found %d of %d objects, of which %d waited for another", bulk, n, idle, shared)
		}
	}
}

// TestHomesChangePlaces: an owner that has come to live on slabs of another home gets back
// what it allocated there and another one frees, as from slabs of its own.
func TestHomesChangePlaces(t *testing.T) {
	s := settle(t, HeapOptions{})
	s.c.freeLimit = 1 << 20 // so that slabs stay
	s.mustAlloc(0, 4*128)
	s.thin(0, 0)
	s.c.lists.starved = true
	s.mustAlloc(1, 400)
	s.c.lists.starved = false
	s.flush(1)
	for _, obj := range s.live[1] {
		s.free(0, obj)
	}
	s.live[1] = nil
	s.flush(0)
	shared := s.c.shared.avail
	s.mustAlloc(1, shared)
	if left := s.c.shared.avail; shared < 200 || left > 0 {
		t.Errorf("%d of %d objects wait in the shared array for another home", left, shared)
	}
}

// TestHomesReaped: the reaper takes free slabs of the home where they lie idle.
func TestHomesReaped(t *testing.T) {
	s := settle(t, HeapOptions{})
	s.c.freeLimit = 1 << 20
	for i := range s.owner {
		s.mustAlloc(i, 4*128)
	}
	for i := range s.owner {
		s.thin(i, 0)
	}
	var v victims
	look := func() (left [2]int) {
		s.mustAlloc(0, 4*128) // in use in each interval
		s.thin(0, 0)
		s.c.lock()
		defer s.c.unlock()
		s.c.reapSlabs(&v)
		return [2]int{s.c.lists.group[slabsFree].n, s.c.lists.group[slabsFree+1].n}
	}
	look()
	left := look()
	s.c.endOf(v)
	if left[0] < 4 || left[1] != 0 {
		t.Errorf("%d free slabs are left of the home that used 4, and %d of the one that used none", left[0], left[1])
	}
}

// TestHomesWithoutMemory: at the heap's limit an owner finds what is idle in another
// home, to the last object, and keeps to its home again when there is memory.
func TestHomesWithoutMemory(t *testing.T) {
	s := settle(t, HeapOptions{Limit: 1 << 20})
	other := newTestCache(t, s.c.heap, "other", 4096, CacheOptions{})
	var held []Pointer
	for range 64 {
		held = append(held, other.Alloc())
	}
	s.mustAlloc(0, 400)
	if err := s.alloc(1, 1<<20); !errors.Is(err, ErrNoMemory) {
		t.Fatalf("a limit of 1 MiB: %v", err)
	}
	s.thin(0, 2)
	idle := s.c.lists.freeObjects
	had := len(s.live[1])
	if err := s.alloc(1, 1<<20); !errors.Is(err, ErrNoMemory) {
		t.Fatalf("a limit of 1 MiB: %v", err)
	}
	if got := len(s.live[1]) - had; got != idle {
		t.Errorf("without memory an owner found %d of %d idle objects of another home", got, idle)
	}
	if !s.c.lists.starved {
		t.Error("the cache does not know that it could not grow")
	}
	for _, p := range held {
		other.Free(p)
	}
	other.Shrink()
	s.mustAlloc(1, 1)
	if s.c.lists.starved {
		t.Error("the cache has grown and still takes from any home")
	}
}

// landlord hands out pages to homes.
type landlord struct {
	t   *testing.T
	b   *buddy
	out [homes][]pageRange
}

// take gives 2^order pages to a home, and reports whether there were any.
func (l *landlord) take(home uint8, order uint) bool {
	first, err := l.b.getPages(order, home, false)
	if err != nil {
		return false
	}
	r := pageRange{first: first, n: 1 << order}
	l.b.h.setOwner(first, order, 1)
	l.out[home] = append(l.out[home], r)
	return true
}

// apart fails when a home has pages of another one's land.
func (l *landlord) apart() {
	l.t.Helper()
	for home, ranges := range l.out {
		for _, r := range ranges {
			if land := int(l.b.land[r.first>>pageblock]); land != home {
				l.t.Fatalf("home %d has page %d, which is for home %d", home, r.first, land)
			}
		}
	}
	checkBuddy(l.t, l.b)
}

// giveBack frees what a home has.
func (l *landlord) giveBack(home int) {
	for _, r := range l.out[home] {
		l.b.freePages(r.first, uint(bits.TrailingZeros(uint(r.n))))
	}
	l.out[home] = nil
	checkBuddy(l.t, l.b)
}

// TestPageblocks: homes that take pages in turns have no pageblock in common. One that is
// free again is for any home, and when all memory is handed out, pages of others are found,
// to the last one.
func TestPageblocks(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Reserve: 4 * chunkPages << pageShift, Reap: ReapOptions{Off: true}})
	l := &landlord{t: t, b: &h.buddy}
	for i := range 400 {
		l.take(0, uint(i)%3)
		if i%3 == 0 {
			l.take(1, uint(i)%2)
		}
	}
	l.apart()
	land := 0
	for _, home := range l.b.land[chunkPages>>pageblock:] {
		land += int(home)
	}
	committed := l.b.committed
	l.giveBack(1)
	for range land << pageblock {
		l.take(2, 0)
	}
	if l.apart(); l.b.committed != committed {
		t.Errorf("%d pageblocks of a home that has gone are not used", land)
	}
	for l.take(3, 0) {
	}
	if all := uintptr(3 * chunkPages); l.b.used != all {
		t.Errorf("%d pages of %d were handed out when there were no more for home 3", l.b.used, all)
	}
	for home := range l.out {
		l.giveBack(home)
	}
}

// TestPageblocksLent: free pages that are resident are for others when there are more than a
// pageblock for each home, and at the limit, where they need not be discarded for that.
func TestPageblocksLent(t *testing.T) {
	for _, c := range []struct {
		idle        int
		full, lends bool
	}{{homes - 1, false, false}, {homes + 1, false, true}, {1, true, true}} {
		o, pages := HeapOptions{Reap: ReapOptions{Off: true}}, (c.idle+1)<<pageblock
		if c.full {
			o.Limit = uintptr(pages) << pageShift
		}
		h := newTestHeap(t, o)
		l := &landlord{t: t, b: &h.buddy}
		for range pages {
			l.take(0, 0)
		}
		kept := l.out[0][:0:0]
		for i, r := range l.out[0] {
			if i%64 == 0 {
				kept = append(kept, r)
			} else {
				l.b.freePages(r.first, 0)
			}
		}
		l.out[0] = kept
		l.take(1, 0)
		if land := l.b.land[l.out[1][0].first>>pageblock]; (land == 0) != c.lends {
			t.Errorf("with %d resident pages idle a page of home %d was handed out to home 1; at the limit: %v", l.b.dirty, land, c.full)
		}
		if l.b.discarded != 0 {
			t.Errorf("%d pages were discarded; at the limit: %v", l.b.discarded, c.full)
		}
		l.giveBack(0)
		l.giveBack(1)
	}
}

func TestMutantsHomes(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	const together = "on one slab"
	mutant.Run(t, []mutant.Mutant{{
		Name: "one home for all", File: "arraycache.go",
		Old: "uint8(i%homes)", New: "0*uint8(i)",
		Test: "^TestHomes$", Expect: together,
	}, {
		Name: "slabs forget their home when they are full", File: "lists.go",
		Old: "		l.append(slabsPartial+uint8(s.home), off)\n", New: "		l.append(slabsPartial+uint8(s.home+1)%homes, off)\n",
		Test: "^TestHomes$", Expect: together + "|new slabs for an owner",
	}, {
		Name: "idle objects of other homes are taken at once", File: "homes.go",
		Old: "i == 1 && !c.lends()", New: "false",
		Test: "^TestHomes$", Expect: together,
	}, {
		Name: "idle objects of other homes stay there", File: "homes.go",
		Old: " || c.lists.freeObjects+c.shared.avail > homes*int(c.num)", New: "",
		Test: "^TestHomes$", Expect: "idle while another home grows",
	}, {
		Name: "no memory beside idle objects", File: "homes.go",
		Old: "return c.lists.starved || ", New: "return ",
		Test: "^TestHomesWithoutMemory$", Timeout: 10 * time.Second, HangIsCaught: true, Expect: "found 0 of",
	}, {
		Name: "free slabs are for all homes", File: "homes.go",
		Old:  "if off := l.group[slabsFree+other].head; off != 0 {\n			l.freeTouched = true\n			return off\n		}",
		New:  "for _, g := range l.of(slabsFree) {\n			if off := g.head; off != 0 {\n				l.freeTouched = true\n				return off\n			}\n		}",
		Test: "^TestHomesOfFreeSlabs$", Expect: "took a free slab|whose slabs were free",
	}, {
		Name: "free slabs stay where they were used", File: "lists.go",
		Old: "l.push(slabsFree+s.land, off)", New: "l.push(slabsFree+uint8(s.home), off)",
		Test: "^TestHomesOfFreeSlabs$", Expect: "have come home",
	}, {
		Name: "a slab keeps the home that it was made for", File: "lists.go",
		Old: "atomic.StoreUint32(&s.home, uint32(home))", New: "_ = atomic.LoadUint32(&s.home)",
		Test: "^TestHomesChangePlaces$", Expect: "wait in the shared array for another home",
	}, {
		Name: "magazines are for who flushes", File: "free.go",
		Old: "c.homeOf(objs[0])}", New: "a.home}",
		Test: "^TestHomesOfMagazines$", Expect: "bulk false: an owner got",
	}, {
		Name: "bulks are for home 0", File: "bulk.go",
		Old: "home := c.homeOf(objs[0])", New: "home := uint8(0)",
		Test: "^TestHomesOfMagazines$", Expect: "bulk true: an owner got",
	}, {
		Name: "magazines of other homes are taken at once", File: "alloc.go",
		Old: "got == 0 && c.lends()", New: "got == 0",
		Test: "^TestHomesOfMagazines$", Expect: "an owner got",
	}, {
		Name: "magazines of other homes stay there", File: "alloc.go",
		Old: "got == 0 && c.lends()", New: "false",
		Test: "^TestHomesOfMagazines$", Expect: "which .* waited for another",
	}, {
		Name: "the reaper takes from one home what is idle in another", File: "reapcache.go",
		Old: "min(free.n, free.low+more)", New: "min(free.n, idle+more)",
		Test: "^TestHomesReaped$", Expect: "free slabs are left",
	}, {
		Name: "pages for all homes alike", File: "buddy.go",
		Old: "		b.land[f.first>>pageblock] = home\n", New: "",
		Test: "^TestPageblocks$", Expect: "which is for home",
	}, {
		Name: "pages of other homes before new ones", File: "buddy.go",
		Old: "	if !ok && over <= 0 {", New: "	if !ok {\n		f, ok = b.findElsewhere(order, home, over > 0)\n	}\n	if !ok && over <= 0 {",
		Test: "^TestPageblocks$", Expect: "which is for home",
	}, {
		Name: "pages of other homes stay there", File: "buddy.go",
		Old: "f, ok = b.findElsewhere(order, home, false)", New: "_ = f",
		Test: "^TestPageblocks$", Expect: "when there were no more",
	}, {
		Name: "resident pages of other homes are taken at once", File: "buddy.go",
		Old: "f.state == clean && (over > 0 || b.dirty > homes<<pageblock)", New: "f.state == clean",
		Test: "^TestPageblocksLent$", Expect: "of home 0 was handed out",
	}, {
		Name: "resident pages of other homes stay there", File: "buddy.go",
		Old: "over > 0 || b.dirty > homes<<pageblock", New: "over > 0",
		Test: "^TestPageblocksLent$", Expect: "of home 1 was handed out to home 1; at the limit: false",
	}, {
		Name: "resident pages are not lent at the limit", File: "buddy.go",
		Old: "over > 0 || b.dirty > homes<<pageblock", New: "b.dirty > homes<<pageblock",
		Test: "^TestPageblocksLent$", Expect: "at the limit: true",
	}, {
		Name: "a free pageblock stays with its home", File: "freelists.go",
		Old: "	if order < pageblock {\n", New: "	if true {\n",
		Test: "^TestPageblocks$", Expect: "on the land of home|are not used",
	}, {
		Name: "homes are forgotten for good", File: "grow.go",
		Old: "	c.lists.starved = false\n", New: "",
		Test: "^TestHomesWithoutMemory$", Expect: "still takes from any home",
	}})
}
