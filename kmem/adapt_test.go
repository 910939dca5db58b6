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
		size            int
		fixed           bool
		limit           int
		swings, crowded bool
		want            int
	}{
		{64, false, 0, false, false, 120}, // the first trip
		{64, false, 120, false, false, 120},
		{64, false, 120, true, false, 240},
		{64, false, 120, false, true, 240},
		{64, false, 960, false, true, 1920},
		{64, false, 1920, false, true, 1920}, // a few batches are enough for those who meet
		{64, false, 1920, true, true, 3840},
		{64, false, 10000, true, false, 16384},
		{64, false, 16384, true, true, 16384},
		{1000, false, 4000, true, false, 4194}, // a quarter of 16 MiB
		{64, true, 0, true, true, 120},
		{64, true, 120, true, true, 120},
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
		s.adapt(step.swings, step.crowded)
		c.unlock()
		if int(s.limit) != step.want {
			t.Errorf("%+v: the limit is %d", step, s.limit)
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
		Name: "contention grows nothing", File: "free.go",
		Old: "case crowded && ", New: "case false && ",
		Test: "^TestArrayAdapts$", Expect: "the limit is",
	}, {
		Name: "a limit that grew stays", File: "reapcache.go",
		Old: "limit := max(c.limit, int(a.limit)/2)", New: "limit := int(a.limit)",
		Test: "^TestArrayFollowsWorkingSet$", Expect: "room for",
	}})
}
