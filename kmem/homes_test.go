package kmem

import (
	"errors"
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
		} else if err := s.c.grow(); err != nil {
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

// thin puts all but each k-th of owner i's objects back on their slabs.
func (s *settlers) thin(i, k int) {
	var v victims
	kept := s.live[i][:0]
	for j, obj := range s.live[i] {
		if j%k == 0 {
			kept = append(kept, obj)
			continue
		}
		more, twice := s.c.give(&s.owner[i].arrayCache, obj)
		s.c.afterFree(more, twice)
	}
	s.live[i] = kept
	s.c.empty(&s.owner[i].arrayCache, &v)
	s.c.emptyHot(&s.owner[i].arrayCache, &v)
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

func TestMutantsHomes(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	const together = "on one slab"
	mutant.Run(t, []mutant.Mutant{{
		Name: "one home for all", File: "arraycache.go",
		Old: "uint16(i%homes)", New: "0*uint16(i)",
		Test: "^TestHomes$", Expect: together,
	}, {
		Name: "slabs forget their home when they are full", File: "lists.go",
		Old: "		l.append(slabsPartial+s.home, off)\n", New: "		l.append(slabsPartial+(s.home+1)%homes, off)\n",
		Test: "^TestHomes$", Expect: together + "|new slabs for an owner",
	}, {
		Name: "idle objects of other homes are taken at once", File: "lists.go",
		Old: "if l.starved || l.freeObjects > homes*int(c.num) {", New: "if true {",
		Test: "^TestHomes$", Expect: together,
	}, {
		Name: "idle objects of other homes stay there", File: "lists.go",
		Old: "if l.starved || l.freeObjects > homes*int(c.num) {", New: "if l.starved {",
		Test: "^TestHomes$", Expect: "idle while another home grows",
	}, {
		Name: "no memory beside idle objects", File: "lists.go",
		Old: "if l.starved || l.freeObjects > homes*int(c.num) {", New: "if l.freeObjects > homes*int(c.num) {",
		Test: "^TestHomesWithoutMemory$", Timeout: 10 * time.Second, HangIsCaught: true, Expect: "found 0 of",
	}, {
		Name: "homes are forgotten for good", File: "grow.go",
		Old: "	c.lists.starved = false\n", New: "",
		Test: "^TestHomesWithoutMemory$", Expect: "still takes from any home",
	}})
}
