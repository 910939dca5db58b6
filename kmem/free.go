// Free: an object to the caller's own array cache, or a flush. Stops 6 to 8 of
// the walk in doc.go.

package kmem

// Free gives an object back, in its constructed state when the cache has a
// constructor. Only the goroutine that is the handle's CPU may call it; the
// object may come from anywhere. It panics when p is not an object of this
// cache, or was freed just before.
func (l *Local) Free(p Pointer) {
	off := offset(l.base, p)
	if plainOwner && l.hot == 0 && l.under != off && l.owns(off) {
		l.hot = off
		return
	}
	l.freeArray(p)
}

// freeArray puts an object into the array.
func (l *Local) freeArray(p Pointer) {
	off := offset(l.base, p)
	if plainOwner && l.hot != off && l.under != off && l.owns(off) {
		l.busy = 1 // A: pairs with B in drain.go
		if l.stolen == 0 && l.array().push(off) {
			l.busy = 0
			return
		}
		l.busy = 0
	}
	l.freeSlow(p)
}

func (l *Local) freeSlow(p Pointer) {
	c, off := l.cache, offset(l.base, p)
	l.array().look()
	if !l.owns(off) {
		c.badFree(p)
	}
	l.enter("Free")
	v, twice := c.give(l.array(), off)
	l.leave()
	c.afterFree(v, twice)
}

// Free is [Local.Free] for any goroutine: it borrows the array cache of a slot.
// Safe for concurrent use.
func (c *Cache) Free(p Pointer) {
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
func (c *Cache) freeSlow(s *slot, p Pointer) {
	off := offset(c.base, p)
	s.look()
	if !s.owns(off) {
		s.giveBack()
		c.badFree(p)
	}
	v, twice := c.give(&s.arrayCache, off)
	s.giveBack()
	c.afterFree(v, twice)
}

// look brings the end of the heap up to date.
func (a *arrayCache) look() { a.end = a.cache.heap.end.Load() }

// give pushes an object into an array, after a flush when it is full. It
// returns what is left to do once the array is released: slabs to destroy, and
// an object that was freed twice.
func (c *Cache) give(a *arrayCache, off uintptr) (v victims, twice uintptr) {
	if a.freedLast(off) {
		return v, off
	}
	if !a.push(off) {
		twice = c.flush(a, &v)
		a.push(off)
	}
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

// flush moves a batch of the oldest entries out of an array, to the shared
// array while it has room, or else to their slabs. The caller owns a.
func (c *Cache) flush(a *arrayCache, v *victims) (twice uintptr) {
	a.ready()
	n := min(int(a.batch), int(a.avail))
	c.lock()
	moved := c.shared.put(a.entries[:n])
	if moved == 0 {
		moved, twice = c.freeBlock(a.entries[:n], v)
	}
	c.stats.flushes++
	c.unlock()
	a.dropOldest(moved)
	return twice
}
