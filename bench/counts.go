// Counts beside time: what caches, heaps and domains did during a round.
//
// See doc.go for an overview.

package bench

import (
	"io"
	"sync"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
)

// counters is the sum of what the counted things have done so far.
type counters struct {
	trips, contended  uint64 // shared locks taken, and found taken
	refills, flushes  uint64
	grown, destroyed  uint64 // slabs
	gracePeriods      uint64
	limboPeak         uint64 // bytes; the highest of all heaps, not a sum
	objects, slabs    uint64 // now
	live, limbo, free uint64 // bytes of pages now
	caches, heaps, ds bool   // what is counted at all
	list              []CacheSample
}

// source adds what one thing counts.
type source func(*counters)

// CountCache reports what the cache does: lock trips, refills, flushes, slabs.
func (r *Run) CountCache(c *kmem.Cache) {
	r.sources.add(func(n *counters) {
		s := c.Stats()
		n.caches = true
		n.trips += uint64(s.LockTrips)
		n.contended += uint64(s.Contended)
		n.refills += uint64(s.Refills)
		n.flushes += uint64(s.Flushes)
		n.grown += uint64(s.Grown)
		n.destroyed += uint64(s.Destroyed)
		n.objects += uint64(s.Active)
		n.slabs += uint64(s.Slabs)
		n.list = append(n.list, CacheSample{
			Name: c.Name(), Active: uint64(s.Active), Objects: uint64(s.Objects), Slabs: uint64(s.Slabs), Limbo: uint64(s.SlabsLimbo),
			ObjSize: uint64(s.ObjSize), ObjPerSlab: uint64(s.ObjPerSlab), PagesPerSlab: uint64(s.PagesPerSlab), Trips: uint64(s.LockTrips),
		})
	})
}

// CountHeap reports the most memory that was in limbo at once.
func (r *Run) CountHeap(h *kmem.Heap) {
	r.sources.addHeap(h)
	r.sources.add(func(n *counters) {
		s := h.Stats()
		n.heaps = true
		n.limboPeak = max(n.limboPeak, uint64(s.LimboPeak))
		n.live += uint64(s.Live)
		n.limbo += uint64(s.Limbo)
		n.free += uint64(s.Free)
	})
}

// CountDomain reports grace periods.
func (r *Run) CountDomain(d *urcu.Domain) {
	r.sources.add(func(n *counters) {
		n.ds = true
		n.gracePeriods += uint64(d.Stats().GracePeriods)
	})
}

// sources are what is counted. A sampler reads them beside the scenario.
type sources struct {
	mu    sync.Mutex
	all   []source
	heaps []*kmem.Heap
}

func (s *sources) add(one source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, one)
}

func (s *sources) addHeap(h *kmem.Heap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heaps = append(s.heaps, h)
}

// stop ends the counting, before what is counted is taken down.
func (s *sources) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all, s.heaps = nil, nil
}

// writeSlabinfo writes what the heaps hold. Nobody takes them down meanwhile.
func (s *sources) writeSlabinfo(w io.Writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.heaps {
		if err := h.WriteSlabinfo(w); err != nil {
			return err
		}
	}
	return nil
}

// read adds everything up.
func (s *sources) read() (n counters) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, add := range s.all {
		add(&n)
	}
	return n
}

// counts returns the figures of the round between the two snapshots.
func (r *Run) counts(ops, seconds float64) sums {
	a, b := &r.before, &r.after
	per := func(x, y uint64, over float64) float64 { return float64(y-x) / over }
	var out sums
	if b.caches {
		out.add("lock-trips/op", per(a.trips, b.trips, ops))
		out.add("contended/s", per(a.contended, b.contended, seconds))
		out.add("refills/op", per(a.refills, b.refills, ops))
		out.add("flushes/op", per(a.flushes, b.flushes, ops))
		out.add("slabs-made/s", per(a.grown, b.grown, seconds))
		out.add("slabs-destroyed/s", per(a.destroyed, b.destroyed, seconds))
	}
	if b.heaps {
		out.add("limbo-peak-B", float64(b.limboPeak))
	}
	if b.ds {
		out.add("grace-periods/s", per(a.gracePeriods, b.gracePeriods, seconds))
	}
	return out
}
