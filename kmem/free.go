// Free: an object to the caller's own array cache, or a flush. Stops 6 to 8 of
// the walk in doc.go.

package kmem

import "sync/atomic"

// Free gives an object back, in its constructed state when the cache has a
// constructor. Only the goroutine that is the handle's CPU may call it; the
// object may come from anywhere. It panics when p is not an object of this
// cache, or was freed just before.
func (l *Local) Free(p Pointer) {
	obj := addr(p)
	if plainOwner && l.owns(obj) {
		if hot := l.hot; hot == 0 {
			if l.under != obj {
				l.hot = obj
				return
			}
		} else if under := l.under; hot != obj && under != obj {
			if under == 0 {
				l.under, l.hot = hot, obj
				return
			}
			l.busy = 1 // A: pairs with B in drain.go
			if l.stolen == 0 && l.avail < l.limit {
				l.array().push(obj)
				l.busy = 0
				return
			}
			l.busy = 0
		}
	}
	// A branch that is always taken: every handle has a cache. Where Free is inlined, what
	// the caller's loop has in registers must be stored for this call, to which seven ways
	// lead. The compiler does so ahead of them, in every turn, unless the call has a block
	// with one way in, and another leads past it (a panic there would not do).
	if l.cache != nil {
		l.freeSlow(obj)
	}
}

//go:noinline
func (l *Local) freeSlow(obj addr) {
	c := l.cache
	if atomic.LoadUint32(&l.stolen)&stolenGone != 0 {
		l.gone("Free")
	}
	l.array().look()
	if !l.owns(obj) {
		if c.freeOther(obj) {
			l.Flush()
			l.end = 0 // so that frees come here while a sample is waited for
		}
		return
	}
	l.enter("Free")
	v, twice := c.give(l.array(), obj)
	l.leave()
	c.afterFree(v, twice)
}

// Free is [Local.Free] for any goroutine: it borrows the array cache of a slot.
// Safe for concurrent use.
func (c *Cache) Free(p Pointer) {
	var here mark
	obj, key := addr(p), here.key()
	s := c.slots.at(key, 0)
	if le := s.letTo(); plainOwner && le.key == key {
		le.busy = 1 // A: pairs with B in lease.go; no call may come before busy is 0
		if le.open() && s.owns(obj) && s.under != obj {
			switch {
			case s.hot == 0:
				s.hot = obj
				le.busy = 0
				return
			case s.hot == obj:
			case s.under == 0:
				s.under, s.hot = s.hot, obj
				le.busy = 0
				return
			case s.avail < s.limit:
				s.push(obj)
				le.busy = 0
				return
			}
		}
		le.busy = 0
	}
	c.freeBorrowed(obj, &here)
}

// freeBorrowed is Free with a slot that is not let to the caller, or one that is
// full.
//
//go:noinline
func (c *Cache) freeBorrowed(obj addr, at *mark) {
	s := c.borrow("Free", at)
	if s.hot == 0 && s.under != obj && s.owns(obj) {
		s.hot = obj
		s.giveBack()
		return
	}
	c.freeSlow(s, obj, at)
}

// freeSlow frees with the slot s that was borrowed at a mark, and gives it back.
//
//go:noinline
func (c *Cache) freeSlow(s *slot, obj addr, at *mark) {
	if s.limit == 0 { // its hot slots begin to be used, of which nobody else would hear
		c.stirOutside()
	}
	s.look()
	if !s.owns(obj) {
		s.giveBack()
		if c.freeOther(obj) {
			c.flushSlot(at)
		}
		return
	}
	v, twice := c.give(&s.arrayCache, obj)
	s.giveBack()
	c.afterFree(v, twice)
}

// freeOther frees an object that no array takes, or panics when it is none. True
// asks the caller to empty its array, because the next object shall be a sample.
func (c *Cache) freeOther(obj addr) (sample bool) {
	freed := false
	if c.aside {
		freed, sample = c.freeAside(obj)
	}
	if !freed {
		c.badFree(obj)
	}
	return sample
}

// look brings the end of the heap up to date.
func (a *arrayCache) look() { a.end = a.cache.heap.end.Load() }

// give puts an object into an array, after a flush when it is full. It returns
// what is left to do once the array is released: slabs to destroy, and an object
// that was freed twice.
func (c *Cache) give(a *arrayCache, obj addr) (v victims, twice addr) {
	switch {
	case a.freedLast(obj):
		return v, obj
	case c.aside && c.sampler.waits():
		return c.giveStraight(a, obj)
	case a.hot == 0:
		a.hot = obj
		return v, 0
	case a.under == 0:
		a.under, a.hot = a.hot, obj
		return v, 0
	case a.avail >= a.limit:
		twice = c.flush(a, 1, &v)
	}
	a.push(obj)
	return v, twice
}

// afterFree finishes a free with no lock held and no array owned.
func (c *Cache) afterFree(v victims, twice addr) {
	if v.head != 0 {
		c.destroySlabs(v)
	}
	if twice != 0 {
		c.doubleFree(twice)
	}
}

// flush makes room for n objects in an array: it moves a batch of the oldest entries
// to the shared array if that has room, or else to their slabs. The caller owns a.
func (c *Cache) flush(a *arrayCache, n int, v *victims) (twice addr) {
	batch := max(c.perBatch(int(a.limit)), int(a.avail)+n-int(a.limit))
	objs := a.oldest(min(batch, int(a.avail)))
	var m stacked
	if len(objs) > 0 && len(objs) <= c.mostShared() {
		m = stacked{append(a.spare, objs...), c.homeOf(objs[0])}
		a.spare = m.magazine[:0]
	}
	moved := 0
	a.prepare()
	c.lock()
	a.adapt(true)
	if !a.hasRoom(n) { // it was not made larger
		moved, twice = c.unload(a, objs, m, n, v)
	}
	c.unlock()
	a.dropOldest(moved)
	return twice
}

// unload hands m, a magazine with objs, to the shared array, and then puts as many of
// them on their slabs as make room for n in the array if that did not, and returns how
// many went. m is empty where it can never fit. The caller owns a and holds mu.
func (c *Cache) unload(a *arrayCache, objs []addr, m stacked, n int, v *victims) (moved int, twice addr) {
	c.stats.flushes++
	if c.shared.avail == 0 { // it takes a part of what it never takes whole, or no stream were seen
		m.magazine = m.magazine[:min(len(m.magazine), c.shared.limit)]
	}
	if len(m.magazine) > 0 {
		if spare, ok := c.shared.put(m); ok {
			a.spare, moved = spare, len(m.magazine)
			c.stir()
		}
	}
	a.passes(moved)
	for moved == 0 || int(a.avail)-moved+n > int(a.limit) {
		done, t := c.freeBlock(objs[moved:], v)
		moved, twice = moved+done, max(twice, t)
	}
	return moved, twice
}

// adapt gives an array its entries, and makes it twice as large when its owner swings
// between flush and refill, or objects stream through it. For a stream the shared array
// takes more as well. flush is which way the batch goes that the trip is for, a.flushed
// which way the last one went. The caller owns a and holds mu.
//
// An owner that swings works on many objects at a time and wants them all at
// hand. Owners between which objects stream, one allocates what another frees, want
// fewer trips to the lock, and want them cold: streamBytes. Objects of more than a page,
// which have no shared array, are not seen to stream.
func (a *arrayCache) adapt(flush bool) {
	c := a.cache
	swings := a.flushed && !flush
	if a.flushed != flush {
		a.flushed, a.streamed = flush, 0
	}
	streams := a.streamed > c.shared.limit
	switch double := 2 * int(a.limit); {
	case a.limit == 0:
		a.prepare()
		a.limit = uint32(c.limit)
		c.stir()
	case swings && int(a.limit) < c.maxLimit:
		a.resize(min(double, c.maxLimit))
	case streams && int(a.limit) < c.streamLimit():
		a.resize(min(double, c.streamLimit()))
	}
	if streams {
		a.streamed = 0
		c.shareMore(a)
	}
}

// passes counts n objects that an array got from the shared array, or gave it; 0 is a
// batch from the slabs, or for them. When more went one way in a row than the shared
// array takes, others must have put them there, or taken them out: owners, most likely.
// The caller owns a and holds mu.
func (a *arrayCache) passes(n int) {
	if a.streamed += n; n == 0 {
		a.streamed = 0
	}
}

// streamLimit bounds what an array grows to by objects that stream.
func (c *Cache) streamLimit() int {
	return min(max(c.limit, streamBytes/c.geo.ObjSize), c.maxLimit)
}

// streamBytes bounds the objects in an array between owners that hand them on: twice
// what a CPU's own cache holds these years. An object that still lies in the cache of the
// CPU that freed it makes the next one wait longer, for its first write, than one that
// has left that: ProdCons of 256 bytes takes 12.6 ns with 480 KiB, 9.1 with 1 MiB and 7.3
// with 2, and a ring without an allocator 6.1. The shared array takes four times as much.
const streamBytes = 2 << 20
