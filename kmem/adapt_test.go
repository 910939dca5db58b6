// How the limits of array caches grow and shrink: free.go (adapt), reapcache.go.

package kmem

import (
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
	"github.com/slabrcu/slabrcu/smp"
)

// TestArrayAdapts: what an array's limit becomes at a trip to the lock.
func TestArrayAdapts(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	for _, step := range []struct {
		size          int
		fixed         bool
		limit         int
		flushed       bool // and then comes a refill
		streamed      int  // beyond what the shared array takes
		want, streams int  // the limit; what is counted of the stream then
	}{
		{64, false, 0, false, 0, 120, 480}, // the first trip
		{64, false, 120, false, 0, 120, 480},
		{64, false, 120, true, 0, 240, 0},
		{64, false, 120, true, 1, 240, 0}, // of the other way
		{64, false, 120, false, 1, 240, 0},
		{64, false, 20000, false, 1, 32768, 0},
		{256, false, 7680, false, 1, 8192, 0}, // two mebibytes
		{256, false, 8192, false, 1, 8192, 0},
		{256, false, 8192, true, 0, 16384, 0},
		{256, false, 16384, false, 1, 16384, 0}, // it swings over more
		{64, false, 20000, true, 0, 32768, 0},
		{64, false, 32768, false, 1, 32768, 0},
		{1000, false, 4000, true, 0, 4194, 0}, // a quarter of 16 MiB
		{64, true, 0, false, 1, 120, 0},
		{64, true, 120, false, 1, 120, 0},
		{64, true, 120, true, 0, 120, 0},
	} {
		c := newTestCache(t, h, "c", step.size, CacheOptions{FixedArrays: step.fixed})
		s := &c.slots.s[0]
		if !s.take() {
			t.Fatal("the slot is taken")
		}
		if step.limit != 0 {
			s.resize(step.limit)
		}
		c.lock()
		s.flushed, s.streamed = step.flushed, c.shared.limit+step.streamed
		s.adapt(false)
		c.unlock()
		if int(s.limit) != step.want || s.streamed != step.streams {
			t.Errorf("%+v: the limit is %d, the stream %d", step, s.limit, s.streamed)
		}
		s.giveBack()
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestArrayFollowsWorkingSet: an array that grew over many objects comes down to
// what its owner still works on, keeps that, and grows again. It is a slot's and
// an emulated CPU's, and the trips to the lock say that it is not too small.
func TestArrayFollowsWorkingSet(t *testing.T) {
	underFakeClock(t, HeapOptions{}, func(t *testing.T, h *Heap) {
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		const many, few = 5000, 150
		work := func(l *Local, n int, d time.Duration) (trips uint64) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				before := c.Stats().LockTrips
				fillAndFree(l.Alloc, l.Free, n)
				trips += c.Stats().LockTrips - before
			}
			return trips
		}
		smp.Run(1, func(cpu *smp.CPU) {
			l := c.On(cpu)
			holds := func() (limit, avail uint32) {
				l.enter("test")
				defer l.leave()
				return l.limit, l.avail
			}
			for round := range 2 {
				work(l, many, time.Second)
				if limit, _ := holds(); limit < many/2 {
					t.Errorf("round %d: room for %d objects, %d are in use", round, limit, many)
				}
				work(l, few, 2*time.Second)
				if limit, avail := holds(); limit > 4*few || avail > 4*few {
					t.Errorf("round %d: room for %d objects and %d of them there, %d are in use", round, limit, avail, few)
				}
				if s := c.Stats(); s.Objects > 10*few {
					t.Errorf("round %d: %+v", round, s)
				}
				if trips := work(l, few, time.Second); trips > 100 {
					t.Errorf("round %d: %d trips to the lock in 100 turns over %d objects", round, trips, few)
				}
			}
		})
	})
}

// TestMutantsAdapt: limits that do not follow.
func TestMutantsAdapt(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	mutant.Run(t, []mutant.Mutant{{
		Name: "a stream grows nothing", File: "free.go",
		Old: "case streams && ", New: "case false && ",
		Test: "^TestArrayAdapts$", Expect: "the limit is",
	}, {
		Name: "a stream has no bound", File: "free.go",
		Old: "max(c.limit, streamBytes/c.geo.ObjSize)", New: "c.maxLimit",
		Test: "^TestArrayAdapts$", Expect: "the limit is",
	}, {
		Name: "what went to slabs is a stream", File: "free.go",
		Old: "	a.passes(moved)\n", New: "	a.passes(len(objs))\n",
		Test: "^TestStreams$", Expect: "alone",
	}, {
		Name: "what came from slabs is a stream", File: "alloc.go",
		Old: "a.passes(before - c.shared.avail)", New: "a.passes(got + 0*before)",
		Test: "^TestStreams$", Expect: "alone",
	}, {
		Name: "a limit that grew stays", File: "reapcache.go",
		Old: "limit := max(c.limit, int(a.limit)/2)", New: "limit := int(a.limit)",
		Test: "^TestArrayFollowsWorkingSet$", Expect: "room for",
	}})
}
