// What a heap and a cache can tell about themselves.

package kmem

// counters are the events of a cache, guarded by its mu.
type counters struct {
	trips, contended uint64
	refills, flushes uint64
	grown            uint64
}

// CacheStats is a view of a cache at one moment. Counts are since creation.
type CacheStats struct {
	Name string

	// Active is the number of objects that are neither on a slab nor in the
	// shared array: those that are allocated and those at hand in array caches.
	Active  int
	Objects int // on all slabs, those in limbo not counted
	Shared  int // in the shared array
	// Deferred is the number of objects that wait for a grace period to be freed,
	// see [Cache.FreeDeferred]. They count as active.
	Deferred int

	Slabs        int // those in limbo not counted
	SlabsFull    int
	SlabsPartial int
	SlabsFree    int
	SlabsLimbo   int

	Grown     uint64 // slabs made
	Destroyed uint64 // slabs destroyed; with DestroyByRCU when they enter limbo
	Refills   uint64 // batches from the shared array or the slabs
	Flushes   uint64 // batches to them
	LockTrips uint64 // times that the cache's lock was taken
	Contended uint64 // of those, times that it was held by somebody else
	Leases    uint64 // slots let to a goroutine, see [CacheOptions].NoLeases
	Recalls   uint64 // leases that ended

	ObjSize      int // from one object to the next
	ObjPerSlab   int
	PagesPerSlab int
	Colours      int
	FreeLimit    int // free objects on slabs beyond which an empty slab goes

	Limit       int // objects that a new array cache holds, see [Cache.Tune]
	Batch       int // objects that move at a time
	SharedLimit int // objects that the shared array takes; more where they stream from one owner to another
}

// Stats returns the cache's counters. It takes the cache's lock.
func (c *Cache) Stats() CacheStats {
	deferred := c.countDeferred()
	c.mu.Lock()
	defer c.mu.Unlock()
	l, n := &c.lists, &c.stats
	s := CacheStats{
		Name:   c.name,
		Shared: c.shared.avail, Deferred: deferred,

		SlabsFull: l.group[slabsFull].n, SlabsPartial: l.count(slabsPartial), SlabsFree: l.count(slabsFree),
		SlabsLimbo: int(c.limbo.Load()),

		Grown: n.grown, Destroyed: c.destroyed.Load(), Refills: n.refills, Flushes: n.flushes,
		LockTrips: n.trips, Contended: n.contended, Leases: c.leases.Load(), Recalls: c.recalls.Load(),

		ObjSize: c.geo.ObjSize, ObjPerSlab: c.geo.Num, PagesPerSlab: 1 << c.geo.Order,
		Colours: c.geo.Colours, FreeLimit: c.freeLimit,
		Limit: c.limit, Batch: c.batch, SharedLimit: c.shared.limit,
	}
	s.Slabs = s.SlabsFull + s.SlabsPartial + s.SlabsFree
	s.Objects = s.Slabs * c.geo.Num
	s.Active = s.Objects - l.freeObjects - s.Shared
	c.addAside(&s)
	return s
}

// HeapStats is a view of a heap at one moment, in bytes.
type HeapStats struct {
	Name string

	Reserved  int64 // address space
	Committed int64 // made accessible so far
	Metadata  int64 // page descriptors of what is committed
	Limit     int64 // 0: none

	// What the pages are used for. Live, Limbo and Free is what may be resident.
	Live        int64 // pages of slabs
	Cached      int64 // of that, free objects in array caches and shared arrays
	FreeSlabs   int64 // of that, slabs without an object out
	Limbo       int64 // pages of slabs that wait for a grace period
	LimboPeak   int64 // the most there ever were
	Reclaimable int64 // pages, live and in limbo, of caches with [ReclaimAccount]
	Free        int64 // free pages that may still be resident
	Discarded   int64 // given back to the system, ever

	Pressure uint64 // times that an Alloc at the limit took from all caches
}

// Stats returns the heap's counters, with those of the pages of caches with
// [CacheDMA], which Limit does not hold, added. It takes the locks of all caches,
// one after the other, and the page lock.
func (h *Heap) Stats() HeapStats {
	s := h.ownStats()
	if dma := h.dma.Load(); dma != nil {
		s.add(dma.ownStats())
	}
	return s
}

// add adds the bytes of another heap.
func (s *HeapStats) add(o HeapStats) {
	s.Reserved += o.Reserved
	s.Committed += o.Committed
	s.Metadata += o.Metadata
	s.Live += o.Live
	s.Limbo += o.Limbo
	s.LimboPeak += o.LimboPeak
	s.Free += o.Free
	s.Discarded += o.Discarded
	s.Cached += o.Cached
	s.FreeSlabs += o.FreeSlabs
	s.Reclaimable += o.Reclaimable
	s.Pressure += o.Pressure
}

func (h *Heap) ownStats() HeapStats {
	var all held
	for _, c := range h.Caches() {
		one := c.held()
		all.cached += one.cached
		all.freeSlabs += one.freeSlabs
		all.reclaimable += one.reclaimable
	}
	b := &h.buddy
	b.mu.Lock()
	defer b.mu.Unlock()
	limbo := h.limbo.Load()
	s := HeapStats{
		Name:      h.name,
		Reserved:  int64(b.total << pageShift),
		Committed: int64(b.committed << pageShift),
		Metadata:  int64(b.committed * pageDescBytes),
		Live:      int64(b.used<<pageShift) - limbo<<pageShift,
		Limbo:     limbo << pageShift,
		LimboPeak: h.limboPeak.Load() << pageShift,
		Free:      int64(b.dirty << pageShift),
		Discarded: int64(b.discarded) << pageShift,

		Cached: all.cached, FreeSlabs: all.freeSlabs, Reclaimable: all.reclaimable,
		Pressure: h.pressure.count.Load(),
	}
	if b.limit < b.total {
		s.Limit = int64(b.limit << pageShift)
	}
	return s
}

// Trim gives the heap's free pages back to the system. Any goroutine may call it.
func (h *Heap) Trim() {
	h.buddy.trim()
	if dma := h.dma.Load(); dma != nil {
		dma.buddy.trim()
	}
}
