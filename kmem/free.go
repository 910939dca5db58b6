// Free: an object to the caller's own array cache, or a flush. Stops 6 to 8 of
// the walk in doc.go.

package kmem

// Free gives an object back, in its constructed state when the cache has a
// constructor. Only the goroutine that is the handle's CPU may call it; the
// object may come from anywhere. It panics when p is not an object of this
// cache, or was freed just before.
func (l *Local) Free(p Pointer) {
	off := offset(l.base, p)
	if plainOwner && l.owns(off) && l.under != off {
		if l.hot == 0 {
			l.hot = off
			return
		}
		if l.hot != off {
			if l.under == 0 {
				l.under, l.hot = l.hot, off
				return
			}
			l.busy = 1 // A: pairs with B in drain.go
			if l.stolen == 0 && l.avail < l.limit {
				l.array().push(off)
				l.busy = 0
				return
			}
			l.busy = 0
		}
	}
	l.freeSlow(p)
}

//go:noinline
func (l *Local) freeSlow(p Pointer) {
	c, off := l.cache, offset(l.base, p)
	l.array().look()
	if !l.owns(off) {
		if c.freeOther(p) {
			l.Flush()
			l.end = 0 // so that frees come here while a sample is waited for
		}
		return
	}
	l.enter("Free")
	v, twice := c.give(l.array(), off)
	l.leave()
	c.afterFree(v, twice)
}

// Free is [Local.Free] for any goroutine: it borrows the array cache of a slot.
// Safe for concurrent use.
func (c *Cache) Free(p Pointer) {
	off, key := offset(c.base, p), stackKey()
	s := c.slots.at(key, 0)
	if le := s.lease.Load(); plainOwner && le.key == key {
		le.busy = 1 // A: pairs with B in lease.go; no call may come before busy is 0
		if le.open() && s.owns(off) && s.under != off {
			switch {
			case s.hot == 0:
				s.hot = off
				le.busy = 0
				return
			case s.hot == off:
			case s.under == 0:
				s.under, s.hot = s.hot, off
				le.busy = 0
				return
			case s.avail < s.limit:
				s.push(off)
				le.busy = 0
				return
			}
		}
		le.busy = 0
	}
	c.freeBorrowed(p)
}

// freeBorrowed is Free with a slot that is not let to the caller, or one that is
// full.
//
//go:noinline
func (c *Cache) freeBorrowed(p Pointer) {
	off := offset(c.base, p)
	s := c.borrow("Free")
	if s.hot == 0 && s.under != off && s.owns(off) {
		s.hot = off
		s.giveBack()
		return
	}
	c.freeSlow(s, p)
}

// freeSlow frees with the borrowed slot s and gives it back.
//
//go:noinline
func (c *Cache) freeSlow(s *slot, p Pointer) {
	off := offset(c.base, p)
	if s.limit == 0 { // its hot slots begin to be used, of which nobody else would hear
		c.stirOutside()
	}
	s.look()
	if !s.owns(off) {
		s.giveBack()
		if c.freeOther(p) {
			c.flushSlot()
		}
		return
	}
	v, twice := c.give(&s.arrayCache, off)
	s.giveBack()
	c.afterFree(v, twice)
}

// freeOther frees an object that no array takes, or panics when it is none. True
// asks the caller to empty its array, because the next object shall be a sample.
func (c *Cache) freeOther(p Pointer) (sample bool) {
	freed := false
	if c.aside {
		freed, sample = c.freeAside(p)
	}
	if !freed {
		c.badFree(p)
	}
	return sample
}

// look brings the end of the heap up to date.
func (a *arrayCache) look() { a.end = a.cache.heap.end.Load() }

// give puts an object into an array, after a flush when it is full. It returns
// what is left to do once the array is released: slabs to destroy, and an object
// that was freed twice.
func (c *Cache) give(a *arrayCache, off uintptr) (v victims, twice uintptr) {
	switch {
	case a.freedLast(off):
		return v, off
	case c.aside && c.sampler.waits():
		return c.giveStraight(a, off)
	case a.hot == 0:
		a.hot = off
		return v, 0
	case a.under == 0:
		a.under, a.hot = a.hot, off
		return v, 0
	case a.avail >= a.limit:
		twice = c.flush(a, &v)
	}
	a.push(off)
	return v, twice
}

// afterFree finishes a free with no lock held and no array owned.
func (c *Cache) afterFree(v victims, twice uintptr) {
	if v.head != 0 {
		c.destroySlabs(v)
	}
	if twice != 0 {
		c.doubleFree(twice)
	}
}

// flush moves a batch of the oldest entries out of an array, to the shared array
// while it has room, or else to their slabs. The caller owns a.
func (c *Cache) flush(a *arrayCache, v *victims) (twice uintptr) {
	contended := c.lock()
	a.adapt(false, contended)
	a.flushed = true
	if a.avail < a.limit { // it was made larger
		c.unlock()
		return 0
	}
	batch := a.oldest(max(a.perBatch(), int(a.avail-a.limit)+1))
	moved := c.shared.put(batch)
	for moved == 0 || int(a.avail)-moved >= int(a.limit) {
		n, t := c.freeBlock(batch[moved:], v)
		moved, twice = moved+n, max(twice, t)
	}
	c.stats.flushes++
	c.unlock()
	a.dropOldest(moved)
	return twice
}

// adapt gives an array its entries, and makes it twice as large when its owner
// swings between flush and refill, or met others at the lock. The caller owns a
// and holds mu.
//
// An owner that swings works on many objects at a time and wants them all at
// hand. Owners that meet hand objects to each other: for them a few batches are
// enough, and more would only let the objects grow cold.
func (a *arrayCache) adapt(swings, crowded bool) {
	c := a.cache
	switch double := min(2*int(a.limit), c.maxLimit); {
	case a.limit == 0:
		a.resize(c.limit)
		c.stir()
	case swings && int(a.limit) < c.maxLimit:
		a.resize(double)
	case crowded && int(a.limit) < min(crowdFactor*c.limit, c.maxLimit):
		a.resize(double)
	}
}

// crowdFactor bounds, in limits, what an array grows to by contention: half of
// it then fills the shared array in one trip.
const crowdFactor = 8
