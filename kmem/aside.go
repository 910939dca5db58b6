// Objects that go beside the arrays: all of a debug cache, and samples. The hooks
// in stops 1, 2 and 6 of the walk in doc.go ask here, off the fast paths.

package kmem

import "sync/atomic"

// sampler takes single objects of a cache aside. Constant, but for the counts.
type sampler struct {
	guards  *guardPool    // nil: no guarded samples
	profile *cacheProfile // nil: no profile

	seen    atomic.Uint64 // allocations that found an array empty
	guard   atomic.Int32  // guarded samples that were decided on, and not made yet
	guarded atomic.Int64  // guarded objects that are allocated
	skip    atomic.Int32  // samples that could not be had: as many refills follow
}

// setAside decides whether a cache has objects beside the arrays. Nobody has seen
// it yet.
func (c *Cache) setAside() (err error) {
	if c.debug, err = newDebug(c); err != nil {
		return err
	}
	s := &sampler{}
	if c.debug == nil && c.geo.Asked <= pageSize {
		s.guards = c.heap.guards
	}
	if c.debug == nil && c.heap.profileRate > 0 {
		s.profile = newCacheProfile(c)
	}
	if s.guards != nil || s.profile != nil {
		c.sampler = s
	}
	c.aside = c.debug != nil || c.sampler != nil
	return nil
}

// passesBy reports whether the next object does not come from an array, which is
// empty. The caller owns it, leaves it empty, and calls more once it has let go of
// it.
func (c *Cache) passesBy() bool {
	s := c.sampler
	if s == nil {
		return true // a debug cache
	}
	if claimOne(&s.skip) {
		return false
	}
	if s.profile != nil && s.profile.due() {
		return true
	}
	if s.guards != nil && s.guards.due(&s.seen) {
		s.guard.Add(1)
		return true
	}
	return false
}

// allocAside returns an object from beside the arrays. False says that none was
// due: the cache must grow. An object that was due and cannot be had is nil, and
// the caller tries the array again.
func (c *Cache) allocAside() (p Pointer, due bool, err error) {
	if c.debug != nil {
		p, err = c.debug.alloc()
		return p, true, err
	}
	switch s := c.sampler; {
	case s.profile != nil && claimOne(&s.profile.decided):
		p = s.profile.alloc()
	case s.guards != nil && claimOne(&s.guard):
		p = s.guards.alloc(c)
	default:
		return nil, false, nil
	}
	if p == nil {
		c.sampler.skip.Add(1)
	}
	return p, true, nil
}

// claimOne takes one from a count above 0.
func claimOne(n *atomic.Int32) bool {
	for v := n.Load(); v > 0; v = n.Load() {
		if n.CompareAndSwap(v, v-1) {
			return true
		}
	}
	return false
}

// freeAside frees obj if it is an object from beside the arrays, and says whether the
// caller's next one shall be a sample again. No lock is held and no array owned.
func (c *Cache) freeAside(obj addr) (freed, sample bool) {
	if c.debug != nil {
		return c.debug.free(obj), false
	}
	s := c.sampler
	if s.profile != nil {
		if freed, sample = s.profile.free(obj); freed {
			return true, sample
		}
	}
	return s.guards != nil && s.guards.freeObject(c, obj), false
}

// flushSlot empties the array that the calling goroutine is going to borrow next,
// most likely.
func (c *Cache) flushSlot(at *mark) {
	s := c.borrow("Free", at)
	var v victims
	twice := max(c.empty(&s.arrayCache, &v), c.emptyHot(&s.arrayCache, &v))
	s.end = 0 // so that frees are slow while a sample is waited for
	s.giveBack()
	c.afterFree(v, twice)
}

// giveStraight puts an object on its slab and not into an array, where the next
// allocation would find it, and those in the hot slots too. The caller owns a.
func (c *Cache) giveStraight(a *arrayCache, obj addr) (v victims, twice addr) {
	c.lock()
	twice = c.freeHot(a, &v)
	_, t := c.freeBlock([]addr{obj}, &v)
	twice = max(twice, t)
	c.stats.flushes++
	c.unlock()
	return v, twice
}

// freeBulkAside frees objects of which at least one is from beside the arrays, or
// none of the cache at all, one by one. It panics over the latter before it has
// freed any.
func (c *Cache) freeBulkAside(objs []Pointer) {
	for _, p := range objs {
		o := c.heap.Inspect(p)
		if o.Cache != c || o.Offset != 0 || o.State != ObjectAllocated && o.State != ObjectFree {
			c.badFree(addr(p))
		}
	}
	for _, p := range objs {
		c.Free(p)
	}
}

// outAside counts the allocated objects that are on no slab of the lists. The
// caller holds mu.
func (c *Cache) outAside() int {
	s := c.sampler
	if s == nil {
		return 0
	}
	out := int(s.guarded.Load())
	if s.profile != nil {
		out += s.profile.out()
	}
	return out
}

// addAside adds what is beside the lists to the counts of a cache. The caller
// holds mu.
func (c *Cache) addAside(s *CacheStats) {
	if c.sampler == nil {
		return
	}
	if p := c.sampler.profile; p != nil {
		n := p.lists.slabs()
		s.SlabsFull += p.lists.group[slabsFull].n
		s.SlabsPartial += p.lists.count(slabsPartial)
		s.SlabsFree += p.lists.count(slabsFree)
		s.Slabs += n
		s.Objects += n * c.geo.Num
	}
	guarded := int(c.sampler.guarded.Load())
	s.Objects += guarded
	s.Active += c.outAside()
}
