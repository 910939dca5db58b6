package kmem

import (
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

func TestTuneRefuses(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	before := c.Stats()
	for _, bad := range []struct {
		limit, batch, shared int
		says                 string
	}{
		{0, 1, 0, "limit 0; legal are 1 to 32768"},
		{-1, 1, 0, "limit -1"},
		{1 << 30, 1, 0, "limit 1073741824"},
		{10, 0, 0, "batchcount 0; legal are 1 to the limit, 10"},
		{10, 11, 0, "batchcount 11"},
		{10, 5, -1, "sharedfactor -1"},
		{10, 5, 1 << 20, "sharedfactor 1048576"},
	} {
		err := c.Tune(bad.limit, bad.batch, bad.shared)
		if err == nil || !strings.Contains(err.Error(), `kmem: Tune of cache "c": `+bad.says) {
			t.Errorf("Tune(%d, %d, %d): %v, want %q", bad.limit, bad.batch, bad.shared, err, bad.says)
		}
	}
	if after := c.Stats(); after != before {
		t.Errorf("what was refused changed something: %+v, %+v", before, after)
	}
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	mustPanic(t, `Tune of cache "c" after Destroy`, func() { c.Tune(1, 1, 0) })
}

// TestTune: arrays hold what they were told and no more, from the next call on,
// and the counts of trips to the lock say so.
func TestTune(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		c := newTestCache(t, h, "c", 64, CacheOptions{})
		const n = 3000
		for _, v := range [][3]int{{1, 1, 0}, {1, 1, 1}, {2, 1, 3}, {5, 5, 0}, {100, 1, 2}, {100, 100, 16}, {120, 60, 8}, {2000, 1000, 1}} {
			limit, batch, shared := v[0], v[1], v[2]
			onCPU(func(cpu *smp.CPU) {
				l := c.On(cpu)
				fillAndFree(l.Alloc, l.Free, n) // an array that grew
				fillAndFree(l.Alloc, l.Free, n)
				if err := c.Tune(limit, batch, shared); err != nil {
					t.Fatal(err)
				}
				if s := c.Stats(); s.Limit != limit || s.Batch != batch || s.SharedLimit != batch*shared {
					t.Errorf("Tune(%v): %+v", v, s)
				}
				for range 3 {
					before := c.Stats().LockTrips
					fillAndFree(l.Alloc, l.Free, n)
					s := c.Stats()
					if held := s.Active; held > limit+3 || s.Shared > batch*shared {
						t.Errorf("Tune(%v): an array holds %d, the shared one %d", v, held, s.Shared)
					}
					if least := uint64(2 * (n - limit - 3) / max(batch, (limit+1)/2+2)); n > limit && s.LockTrips-before < least {
						t.Errorf("Tune(%v): %d trips for %d objects there and back, want at least %d", v, s.LockTrips-before, n, least)
					}
					if most := uint64(4*n/batch + 4*n/c.geo.Num + 100); s.LockTrips-before > most {
						t.Errorf("Tune(%v): %d trips for %d objects there and back, want at most %d", v, s.LockTrips-before, n, most)
					}
				}
				if int(l.limit) > limit {
					t.Errorf("Tune(%v): the array grew to %d by itself", v, l.limit)
				}
			})
			fillAndFree(c.Alloc, c.Free, n)
		}
	})
}

// TestTuneOne: with a limit of one and nothing shared everything works as ever.
func TestTuneOne(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{0, DestroyByRCU} {
			h := newTestHeap(t, HeapOptions{Layout: layout})
			constructed := 0
			c := newTestCache(t, h, "walk", 200, CacheOptions{Flags: flags, Ctor: func(p Pointer) {
				*(*uint64)(p) = 0xC0
				constructed++
			}})
			if err := c.Tune(1, 1, 0); err != nil {
				t.Fatal(err)
			}
			onCPU(func(cpu *smp.CPU) { walk(t, c, cpu, &constructed) })
		}
	})
}

// TestFixedArrays: with the option an array stays as it was in 2.6.9, by cache
// and by heap.
func TestFixedArrays(t *testing.T) {
	for _, heap := range []bool{false, true} {
		h := newTestHeap(t, HeapOptions{FixedArrays: heap})
		c := newTestCache(t, h, "c", 64, CacheOptions{FixedArrays: !heap})
		onCPU(func(cpu *smp.CPU) {
			l := c.On(cpu)
			for range 5 {
				fillAndFree(l.Alloc, l.Free, 5000)
			}
			if int(l.limit) != c.Geometry().Limit {
				t.Errorf("the array grew to %d", l.limit)
			}
		})
	}
}

// TestTuneTorture. Oracle: as TestSlabTorture's.
//
// Everybody allocates and frees while the arrays are emptied and change their
// size all the time, and slots come with processors.
func TestTuneTorture(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Name: "tune", Reap: ReapOptions{Arrays: time.Millisecond, Slabs: time.Millisecond, Pages: time.Millisecond}})
	c := newTestCache(t, h, "tuned", 100, CacheOptions{Flags: DestroyByRCU, Ctor: constructTortured})
	var stop atomic.Bool
	var workers []*torturer
	passed := make(chan Pointer, 256)
	worker := func(id int) *torturer {
		w := &torturer{id: uint64(id), alloc: c.Alloc, free: c.Free, passed: passed, rand: rand.New(rand.NewPCG(uint64(id), 9)),
			failure: func(f string, a ...any) { stop.Store(true); t.Errorf(f, a...) }}
		workers = append(workers, w)
		return w
	}
	run := func(w *torturer) {
		for !stop.Load() {
			w.step()
		}
		w.drop()
	}
	var wg sync.WaitGroup
	for id := 1; id <= 3; id++ {
		w := worker(id)
		wg.Go(func() { run(w) })
	}
	locals := []*torturer{worker(101), worker(102)}
	wg.Go(func() {
		smp.Run(2, func(cpu *smp.CPU) {
			w, l := locals[cpu.ID()], c.On(cpu)
			w.alloc, w.free = l.Alloc, l.Free
			run(w)
		})
	})
	var tunes atomic.Int64
	wg.Go(func() {
		r := rand.New(rand.NewPCG(3, 4))
		for !stop.Load() {
			limit := 1 + r.IntN(1<<r.IntN(12))
			if err := c.Tune(limit, 1+r.IntN(limit), r.IntN(5)); err != nil {
				t.Error(err)
			}
			tunes.Add(1)
			time.Sleep(time.Duration(r.IntN(500)) * time.Microsecond)
		}
	})
	rest(&stop, func() bool { return tunes.Load() > 0 })
	stop.Store(true)
	wg.Wait()
	last := worker(999)
	for len(passed) > 0 {
		last.put(<-passed)
	}
	var allocs, frees uint64
	for _, w := range workers {
		allocs, frees = allocs+w.allocs.Load(), frees+w.frees.Load()
	}
	t.Logf("%d allocations, %d frees, tuned %d times", allocs, frees, tunes.Load())
	if allocs != frees || allocs == 0 || tunes.Load() == 0 {
		t.Errorf("%d allocations, %d frees, tuned %d times", allocs, frees, tunes.Load())
	}
}

// TestTuneKeepsDeferred: objects whose grace period ends while Tune is at work are put
// into the shared array by who owns no array. They are there afterwards.
func TestTuneKeepsDeferred(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "tuned", 64, CacheOptions{})
	var stop atomic.Bool
	var tuner sync.WaitGroup
	tuner.Go(func() {
		for !stop.Load() {
			if err := c.Tune(120, 60, 8); err != nil {
				t.Error(err)
				return
			}
		}
	})
	turns := 3000
	if slow {
		turns = 100
	}
	for range turns {
		for range 400 {
			c.FreeDeferred(c.Alloc())
		}
		h.domain.Drive()
	}
	stop.Store(true)
	tuner.Wait()
	for range 2 { // of what the first one's callbacks defer
		h.domain.Barrier()
	}
	c.Shrink()
	if s := c.Stats(); s.Active != s.Deferred {
		t.Errorf("%d objects are lost: %+v", s.Active-s.Deferred, s)
	}
}
