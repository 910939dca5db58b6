package kmem

import (
	"slices"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
	"github.com/slabrcu/slabrcu/smp"
	"pgregory.net/rapid"
)

// stackModel is a shared array as plain as can be: magazines, the newest last.
type stackModel []stacked

func (m stackModel) count() (n int) {
	for _, s := range m {
		n += len(s.magazine)
	}
	return n
}

// newest returns the number of the newest magazine of a home; -1 is none.
func (m stackModel) newest(home uint8) int {
	for i, s := range slices.Backward(m) {
		if home == anyHome || s.home == home {
			return i
		}
	}
	return -1
}

// put adds a magazine of its own.
func (m *stackModel) put(objs []addr, home uint8) {
	*m = append(*m, stacked{slices.Clone(objs), home})
}

// add adds to the newest magazine of the home, while that is no more than a batch.
func (m *stackModel) add(objs []addr, home uint8, batch int) {
	if i := m.newest(home); i >= 0 && len((*m)[i].magazine)+len(objs) <= batch {
		(*m)[i].magazine = append((*m)[i].magazine, objs...)
	} else {
		m.put(objs, home)
	}
}

// take removes the n newest objects of a home, as many as there are, and returns them as
// they lay, the newest last.
func (m *stackModel) take(n int, home uint8) (objs []addr) {
	for len(objs) < n && m.newest(home) >= 0 {
		i := m.newest(home)
		mag := (*m)[i].magazine
		keep := max(0, len(mag)-(n-len(objs)))
		objs = append(slices.Clone(mag[keep:]), objs...)
		if (*m)[i].magazine = mag[:keep]; keep == 0 {
			*m = slices.Delete(*m, i, i+1)
		}
	}
	return objs
}

// dropOldest removes the n oldest objects.
func (m *stackModel) dropOldest(n int) {
	for ; n > 0; n-- {
		if (*m)[0].magazine = (*m)[0].magazine[1:]; len((*m)[0].magazine) == 0 {
			*m = slices.Delete(*m, 0, 1)
		}
	}
}

// TestMagazines moves objects of three homes through a shared array, whole magazines,
// single objects and the oldest back to their slabs, beside a model of it. Oracle: the same
// objects in the same magazines, and no two magazines share their words.
func TestMagazines(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "magazines", 64, CacheOptions{})
	c.freeLimit = 1 << 20 // so that slabs stay, and free objects can be counted
	for c.lists.freeObjects < 1000 {
		if err := c.grow(0); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c.lock()
		defer c.unlock()
		s := &c.shared
		s.limit = rapid.IntRange(0, 200).Draw(t, "limit")
		var model stackModel
		var spare magazine
		objects := func(op string) []addr {
			objs := make([]addr, rapid.IntRange(1, 40).Draw(t, op))
			return objs[len(objs)-c.takeBatch(objs, 0):]
		}
		home := func() uint8 { return uint8(rapid.IntRange(0, 2).Draw(t, "home")) }
		free := func(objs []addr) {
			if _, twice := c.freeBlock(objs, new(victims)); twice != 0 {
				t.Fatalf("object %#x came home twice", twice)
			}
		}
		defer func() {
			c.unshare(s.avail, new(victims))
			*s = sharedArray{limit: c.baseShared()}
		}()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			had := model.count()
			switch rapid.SampledFrom([]string{"put", "add", "swap", "take", "unshare"}).Draw(t, "op") {
			case "put":
				m := stacked{append(spare, objects("put")...), home()}
				fits := had+len(m.magazine) <= s.limit
				got, ok := s.put(m)
				if ok != fits || len(got) != 0 {
					t.Fatalf("put of %d beside %d of %d: %v, a spare with %d objects", len(m.magazine), had, s.limit, ok, len(got))
				}
				if spare = got; ok {
					model.put(m.magazine, m.home)
				} else {
					free(m.magazine)
				}
			case "add":
				objs, home := objects("add"), home()
				if fits := had+len(objs) <= s.limit; s.add(objs, home, 30) != fits {
					t.Fatalf("add of %d beside %d of %d: %v", len(objs), had, s.limit, !fits)
				} else if fits {
					model.add(objs, home, 30)
				} else {
					free(objs)
				}
			case "swap":
				n, home := rapid.IntRange(1, 80).Draw(t, "swap"), home()
				i := model.newest(home)
				want := i >= 0 && len(model[i].magazine) <= n && (2*len(model[i].magazine) >= n || len(model) == 1)
				m := s.swap(n, home, spare[:0])
				if (m != nil) != want {
					t.Fatalf("a swap for %d of home %d got %d, with %v", n, home, len(m), model)
				}
				if want {
					if objs := model.take(len(model[i].magazine), home); !slices.Equal(m, objs) {
						t.Fatalf("a swap for %d got %d, not the newest", n, len(m))
					}
					free(m)
					spare = m[:0]
				}
			case "take":
				s.touched = false
				dst := make([]addr, rapid.IntRange(1, 80).Draw(t, "take"))
				home := rapid.SampledFrom([]uint8{0, 1, 2, anyHome}).Draw(t, "from")
				n := s.take(dst, home)
				if s.touched != (n > 0) {
					t.Fatalf("took %d, and touched is %v", n, s.touched)
				}
				if want := model.take(len(dst), home); !slices.Equal(dst[:n], want) {
					t.Fatalf("took %d of %d, not the newest", n, had)
				}
				free(dst[:n])
			case "unshare":
				n := rapid.IntRange(0, had).Draw(t, "unshare")
				before := c.lists.freeObjects
				if twice := c.unshare(n, new(victims)); twice != 0 || c.lists.freeObjects != before+n {
					t.Fatalf("%d of %d oldest: %d came home, one twice: %#x", n, had, c.lists.freeObjects-before, twice)
				}
				model.dropOldest(n)
			}
			words := map[*addr]bool{}
			for _, m := range append(slices.Clone(s.mags), stacked{magazine: spare}) {
				if cap(m.magazine) > 0 {
					if words[&m.magazine[:1][0]] {
						t.Fatal("two magazines share their words")
					}
					words[&m.magazine[:1][0]] = true
				}
			}
			same := func(x, y stacked) bool { return x.home == y.home && slices.Equal(x.magazine, y.magazine) }
			if n := model.count(); !slices.EqualFunc(s.mags[:s.full], model, same) || s.avail != n || s.low > n {
				t.Fatalf("the array says %d, at least %d, and holds %v; want %v", s.avail, s.low, s.mags, model)
			}
		}
	})
}

// TestStreams: one owner allocates what another frees. Their arrays come to hold two
// mebibytes and the shared array as many of their batches as of a new one's; when they are
// gone it comes down again. An owner that allocates and frees as many alone is no stream.
func TestStreams(t *testing.T) {
	underFakeClock(t, HeapOptions{}, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "streamed", 256, CacheOptions{})
		const base, limit, objects = 8 * 60, 2 << 20 / 256, 100_000
		from, to := &c.slots.s[0], &c.slots.s[1]
		if !from.take() || !to.take() {
			t.Fatal("a slot is taken")
		}
		give := func(s *slot, obj addr) {
			v, twice := c.give(&s.arrayCache, obj)
			c.afterFree(v, twice)
		}
		c.freeLimit = objects // so that slabs stay
		for c.lists.freeObjects < objects {
			if err := c.grow(0); err != nil {
				t.Fatal(err)
			}
		}
		var alone []addr
		for range objects {
			alone = append(alone, c.get(&from.arrayCache))
		}
		for _, obj := range alone {
			give(from, obj)
		}
		if got := c.Stats().SharedLimit; from.limit != 120 || from.streamed != 0 || got != base {
			t.Errorf("alone: an array of %d, %d objects counted and room for %d, want 120, 0 and %d", from.limit, from.streamed, got, base)
		}
		var trips uint64
		for i := range 3 * objects {
			if i == 2*objects {
				trips = c.Stats().LockTrips
			}
			give(to, c.get(&from.arrayCache))
		}
		if got := c.Stats().SharedLimit; from.limit != limit || to.limit != limit || got != base*limit/120 {
			t.Errorf("arrays of %d and %d and room for %d, want %d and %d", from.limit, to.limit, got, limit, base*limit/120)
		}
		if n := c.Stats().LockTrips - trips; n > 2*objects/(limit/2)+2 {
			t.Errorf("%d trips to the lock for %d objects, want batches of %d", n, objects, limit/2)
		}
		from.giveBack()
		to.giveBack()
		time.Sleep(time.Minute)
		if got := c.Stats().SharedLimit; got != base {
			t.Errorf("room for %d objects a minute later, want %d", got, base)
		}
	})
}

// TestStreamFromLargeArrays: a stream is seen where the arrays have grown before, so that
// a batch is more than the shared array takes.
func TestStreamFromLargeArrays(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Reap: ReapOptions{Off: true}})
	c := newTestCache(t, h, "grown", 256, CacheOptions{})
	from, to := &c.slots.s[0], &c.slots.s[1]
	if !from.take() || !to.take() {
		t.Fatal("a slot is taken")
	}
	from.resize(4096)
	to.resize(4096)
	c.freeLimit = 1 << 20
	for c.lists.freeObjects < 20_000 {
		if err := c.grow(0); err != nil {
			t.Fatal(err)
		}
	}
	for range 200_000 {
		v, twice := c.give(&to.arrayCache, c.get(&from.arrayCache))
		c.afterFree(v, twice)
	}
	if got, want := c.Stats().SharedLimit, c.mostShared(); got != want {
		t.Errorf("room for %d objects beside arrays of %d and %d, want %d", got, from.limit, to.limit, want)
	}
	from.giveBack()
	to.giveBack()
	if c.Shrink(); c.Stats().SharedLimit != c.baseShared() {
		t.Errorf("room for %d objects after Shrink", c.Stats().SharedLimit)
	}
}

// TestSharedGathers: objects that come by ones and threes are a batch for the next refill.
func TestSharedGathers(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "gathered", 64, CacheOptions{})
	objs := make([]Pointer, 2*c.geo.Batch)
	if err := c.AllocBulk(objs); err != nil {
		t.Fatal(err)
	}
	c.Shrink()
	for n := 0; len(objs) > 0; n++ {
		part := objs[:min(len(objs), 1+2*(n%2))]
		if twice := c.putStraight(addrs(part), new(victims)); twice != 0 {
			t.Fatalf("%#x came twice", twice)
		}
		objs = objs[len(part):]
	}
	c.lock()
	defer c.unlock()
	if n := c.shared.full; n > 3 {
		t.Errorf("%d magazines for two batches", n)
	}
}

// TestEmptyMagazinesGo: as long as there are empty magazines the reaper has something to
// look at, and then there are none.
func TestEmptyMagazinesGo(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "emptied", 64, CacheOptions{Flags: NoReap})
	live := make([]Pointer, 2000)
	for i := range live {
		live[i] = c.Alloc()
	}
	for _, p := range live[:600] {
		c.Free(p)
	}
	for i := range live[:600] {
		live[i] = c.Alloc()
	}
	for c.Stats().Shared > 0 {
		live = append(live, c.Alloc())
	}
	for range c.geo.Batch { // so that the array is empty before the shared one is looked at
		live = append(live, c.Alloc())
	}
	looks := 0
	for ; c.reap(looks%5 == 4); looks++ {
	}
	if c.shared.mags != nil {
		t.Errorf("%d magazines, %d of them with objects, after %d looks", len(c.shared.mags), c.shared.full, looks)
	}
	for _, p := range live {
		c.Free(p)
	}
	if c.shared.mags == nil {
		t.Fatal("no magazine came of 2,600 frees")
	}
	if c.reclaim(true); c.shared.mags != nil {
		t.Errorf("%d magazines, %d of them with objects, after pressure", len(c.shared.mags), c.shared.full)
	}
}

// TestBulksGrowArray: bulks that are too large for an array pass it by at first, and
// find room in it before long.
func TestBulksGrowArray(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "bulky", 64, CacheOptions{})
	smp.Run(1, func(cpu *smp.CPU) {
		l := c.On(cpu)
		var dst [1000]Pointer
		var trips uint64
		for i := range 20 {
			if i == 10 {
				trips = c.Stats().LockTrips
			}
			if err := l.AllocBulk(dst[:]); err != nil {
				t.Error(err)
				return
			}
			l.FreeBulk(dst[:])
		}
		if n := c.Stats().LockTrips - trips; n != 0 {
			t.Errorf("%d trips to the lock in 10 bulks of %d, after ten before", n, len(dst))
		}
	})
}

// TestBulksTooLarge: bulks that no array may grow to fit leave it as it is.
func TestBulksTooLarge(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "huge", 64, CacheOptions{})
	smp.Run(1, func(cpu *smp.CPU) {
		l := c.On(cpu)
		dst := make([]Pointer, maxLimit/2+200) // more than the array has left from the last turn
		for range 4 {
			if err := l.AllocBulk(dst); err != nil {
				t.Error(err)
				return
			}
			l.FreeBulk(dst)
		}
		if int(l.limit) > c.geo.Limit {
			t.Errorf("bulks of %d made room for %d", len(dst), l.limit)
		}
	})
}

// TestMutantsMagazines: magazines that two have, or nobody.
func TestMutantsMagazines(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	const astray = "share their words|and holds|not the newest|put of|add of|a swap for|came home|index out of range|slice bounds"
	mutant.Run(t, []mutant.Mutant{{
		Name: "the magazine that was put is the spare as well", File: "magazine.go",
		Old: "spare, *slot = slot.magazine, m\n", New: "spare, *slot = m.magazine[:0], m\n",
		Test: "^TestMagazines$", Expect: astray,
	}, {
		Name: "a magazine stays where it was taken from", File: "magazine.go",
		Old: "	s.drop(i, spare)\n", New: "	s.mags[i].magazine = spare\n",
		Test: "^TestMagazines$", Expect: astray,
	}, {
		Name: "the oldest objects go home and stay", File: "magazine.go",
		Old: "m[:copy(m, m[done:])]; done", New: "m; done",
		Test: "^TestMagazines$", Expect: astray,
	}, {
		Name: "magazines are for all homes", File: "magazine.go",
		Old: "s.mags[i].home != home {", New: "false {",
		Test: "^TestMagazines$", Expect: astray,
	}, {
		Name: "few objects come to the newest magazine of any home", File: "magazine.go",
		Old: "	i := s.find(home)\n	if i < 0 || len", New: "	i := s.find(anyHome)\n	if i < 0 || len",
		Test: "^TestMagazines$", Expect: astray,
	}, {
		Name: "a refill that does not empty its magazine", File: "alloc.go",
		Old: "a.spare = mag[:0]", New: "a.spare = mag",
		Test: "^TestSlabTorture$", Expect: "handed out twice|double free|slice bounds|len out of range|still allocated",
	}, {
		Name: "few objects get a magazine of their own", File: "magazine.go",
		Old: "len(s.mags[i].magazine)+len(objs) > batch", New: "true",
		Test: "^TestSharedGathers$", Expect: "magazines for two batches",
	}, {
		Name: "a cache is bare with empty magazines", File: "reapcache.go",
		Old: "		c.shared.mags == nil && ", New: "		",
		Test: "^TestEmptyMagazinesGo$", Expect: "magazines, 0 of them",
	}, {
		Name: "pressure leaves empty magazines", File: "pressure.go",
		Old: "	c.shared.dropEmpty()\n", New: "",
		Test: "^TestEmptyMagazinesGo$", Expect: "after pressure",
	}, {
		Name: "a refill that finds nothing is use", File: "magazine.go",
		Old: "	if n > 0 {\n		s.avail -= n", New: "	if true {\n		s.avail -= n",
		Test: "^TestMagazines$", Expect: "touched is true",
	}, {
		Name: "what came in while Tune was at work is dropped", File: "tune.go",
		Old: "	twice = max(twice, c.unshare(c.shared.avail, &v)) ", New: "	",
		Test: "^TestTuneKeepsDeferred$", Expect: "are lost",
	}, {
		Name: "a stream gets no room", File: "free.go",
		Old: "		c.shareMore(a)\n", New: "",
		Test: "^TestStreams$", Expect: "room for",
	}, {
		Name: "the last CPU leaves the shared array full", File: "local.go",
		Old: "c.emptyShared(&v)", New: "0",
		Test: "^TestHotplug$", Expect: "after the CPUs went",
	}, {
		Name: "each CPU that goes empties the shared array", File: "local.go",
		Old: "!slices.ContainsFunc(", New: "true || slices.ContainsFunc(",
		Test: "^TestHotplug$", Expect: "not the last one",
	}, {
		Name: "a shared array that is emptied keeps its room", File: "magazine.go",
		Old: "	c.lessShared(0)\n", New: "",
		Test: "^TestStreamFromLargeArrays$", Expect: "after Shrink",
	}, {
		Name: "a batch for the slabs ends no stream", File: "free.go",
		Old: "a.streamed += n; n == 0 {", New: "a.streamed += n; false {",
		Test: "^TestStreams$", Expect: "alone",
	}, {
		Name: "the shared array takes no part of a batch", File: "free.go",
		Old: "	if c.shared.avail == 0 {", New: "	if false {",
		Test: "^TestStreamFromLargeArrays$", Expect: "room for",
	}, {
		Name: "a stream's room stays", File: "reapcache.go",
		Old: "c.lessShared(s.limit / 2)", New: "c.lessShared(s.limit)",
		Test: "^TestStreams$", Expect: "a minute later",
	}, {
		Name: "bulks pass an array by for ever", File: "bulk.go",
		Old: "&& n <= c.maxLimit/2 && a.flushed {", New: "&& false {",
		Test: "^TestBulksGrowArray$", Expect: "trips to the lock",
	}, {
		Name: "bulks that never fit make room", File: "bulk.go",
		Old: "&& n <= c.maxLimit/2 && a.flushed {", New: "&& int(a.limit) < c.maxLimit && a.flushed {",
		Test: "^TestBulksTooLarge$", Expect: "made room for",
	}})
}
