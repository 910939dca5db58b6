// What the reaper does to one cache: array caches, the shared array, free slabs,
// and the limits that grew. See reap.go for when.
//
// An array that was not refilled since the last look gives a fifth of its limit
// back, the oldest objects first, and loses half of what its limit grew by. When
// it is empty it loses its entries as well.
//
// The shared array and the free slabs give back what lay idle for a whole
// interval: the least that was there at any moment of it, which is Bonwick and
// Adams' working-set estimate, and, as in 2.6.9, a fifth of the limit at least
// unless they were used. A shared array that was not used loses its empty magazines, and
// half of what its limit grew by.

package kmem

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/urcu"
)

// stirs is what happened to a cache since others looked. A cache is stirred when
// something comes to be there that could be taken back: a slab, objects on slabs
// or in the shared array, entries of an array cache. Whoever empties an array
// takes its entries away, so that nothing comes into it unseen.
type stirs struct {
	n         uint64 // times
	reaper    bool   // the reaper has to look
	reclaimed uint64 // n, when pressure left nothing behind
}

// stir is called whenever something comes to be there. The caller holds mu.
func (c *Cache) stir() {
	c.stirs.n++
	if !c.stirs.reaper {
		c.stirs.reaper = true
		if c.flags&NoReap == 0 {
			c.heap.reaper.rouse()
		}
	}
}

// stirOutside is stir without mu.
func (c *Cache) stirOutside() {
	c.lockQuiet()
	c.stir()
	c.unlock()
}

func (c *Cache) isStirred() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stirs.reaper
}

// lockQuiet takes mu without a trace in the statistics.
func (c *Cache) lockQuiet() { c.mu.Lock() }

// reap looks at a cache once, and at what is behind its array caches if asked.
// It reports whether there is anything to look at again.
func (c *Cache) reap(slabs bool) (left bool) {
	c.lockQuiet()
	calm, before := !c.stirs.reaper, c.stirs.n
	c.unlock()
	if calm {
		return false
	}
	c.owners.Lock()
	if c.dead() {
		c.owners.Unlock()
		return false
	}
	var v victims
	left, twice := c.reapArrays(&v)
	c.owners.Unlock()
	c.lockQuiet()
	if slabs {
		twice = max(twice, c.reapShared(&v))
		c.reapSlabs(&v)
	}
	left = left || !c.isBare() || c.stirs.n != before
	c.stirs.reaper = left
	c.unlock()
	c.afterFree(v, twice)
	return left
}

// isBare reports whether there is nothing to take behind the array caches. The
// caller holds mu.
func (c *Cache) isBare() bool {
	return c.lists.count(slabsFree) == 0 && c.freeLimit <= c.baseFreeLimit() &&
		c.shared.mags == nil && c.shared.limit <= c.baseShared()
}

// reapArrays looks at all array caches and reports whether there is any to look
// at again. It waits for nobody: an owner that is busy is one that needs its
// array. The caller holds owners.
func (c *Cache) reapArrays(v *victims) (left bool, twice addr) {
	stolen := false
	for _, l := range c.locals {
		if l == nil {
			continue
		}
		take, again := l.lookAt()
		left = left || again
		if take {
			l.steal()
			stolen = true
		}
	}
	if stolen {
		urcu.HeavyFence()
	}
	for _, l := range c.locals {
		if l == nil || l.stolen&stolenDraining == 0 {
			continue
		}
		again, t := true, addr(0)
		if atomic.LoadUint32(&l.busy) == 0 {
			again, t = c.reapArray(l.array(), v)
		}
		l.unsteal()
		left, twice = left || again, max(twice, t)
	}
	c.recallIdle()
	for i := range c.slots.s {
		again, t := c.reapSlot(&c.slots.s[i], v)
		left, twice = left || again, max(twice, t)
	}
	return left, twice
}

// lookAt tells from outside whether an array is worth taking from its owner now,
// and whether to look again: only one that was not refilled and has anything to
// give. Where plain stores are not enough it must be taken to be looked at.
func (l *Local) lookAt() (take, again bool) {
	if !plainOwner {
		return true, false
	}
	if atomic.LoadUint32(&l.touched) != 0 {
		atomic.StoreUint32(&l.touched, 0) // the owner sets it again at its next refill
		return false, true
	}
	return atomic.LoadUint32(&l.limit) != 0, false
}

// reapSlot is reapArray for a slot. Its hot slots are emptied last.
func (c *Cache) reapSlot(s *slot, v *victims) (left bool, twice addr) {
	if !s.take() {
		return true, 0 // somebody needs it
	}
	defer s.giveBack()
	hot := s.inSlots() != 0 && s.avail == 0 && s.touched == 0
	left, twice = c.reapArray(&s.arrayCache, v)
	if hot {
		c.lockQuiet()
		twice = max(twice, c.freeHot(&s.arrayCache, v))
		c.unlock()
	}
	s.blind()
	return left || s.inSlots() != 0, twice
}

// reapArray takes from an array what its owner did not need, and reports whether
// there is anything left. The caller owns a.
func (c *Cache) reapArray(a *arrayCache, v *victims) (left bool, twice addr) {
	if a.touched != 0 {
		a.touched = 0
		return true, 0
	}
	if a.avail == 0 {
		a.strip()
		return false, 0
	}
	n := int(a.limit+4) / 5
	if n > int(a.avail) {
		n = int(a.avail+1) / 2
	}
	c.lockQuiet()
	n, twice = c.freeBlock(a.oldest(n), v)
	limit := max(c.limit, int(a.limit)/2)
	c.unlock()
	a.dropOldest(n)
	a.flushed, a.streamed = false, 0
	if limit < int(a.limit) && int(a.avail) <= limit {
		a.resize(limit)
	}
	return true, twice
}

// strip takes the entries away from an empty array, so that its owner finds no
// room and stirs the cache before it puts anything in.
func (a *arrayCache) strip() {
	a.entries, a.spare, a.limit = noEntries, nil, 0
	a.flushed, a.streamed = false, 0
}

// blind makes a slot without entries see no object anywhere in the heap, so that
// the next free takes the slow path and stirs the cache: the hot slots have room
// always. Those of emulated CPUs are not looked at by others.
func (s *slot) blind() {
	if s.limit == 0 {
		s.end = 0
	}
}

// reapShared takes from the shared array what nobody needed. The caller holds mu.
func (c *Cache) reapShared(v *victims) (twice addr) {
	s := &c.shared
	n := s.low
	if !s.touched {
		n = max(n, (s.limit+4)/5)
		if n > s.avail {
			n = max(s.low, (s.avail+1)/2)
		}
	}
	twice = c.unshare(n, v)
	if !s.touched {
		c.lessShared(s.limit / 2)
		s.dropEmpty()
	}
	s.touched, s.low = false, s.avail
	return twice
}

// reapSlabs takes free slabs that nobody needed. The free limit decays when free
// objects came and went by less than half of it. The caller holds mu.
func (c *Cache) reapSlabs(v *victims) {
	l, num := &c.lists, int(c.num)
	lists, idle, more := l.of(slabsFree), 0, 0
	for _, free := range lists {
		idle += free.low
	}
	if !l.freeTouched {
		more = max(0, (c.freeLimit+5*num-1)/(5*num)-idle)
	}
	if came := l.freePeak - idle*num; 2*came < c.freeLimit {
		c.freeLimit = max(c.baseFreeLimit(), c.freeLimit/2)
	}
	for i := range lists {
		free := &lists[i]
		n := min(free.n, free.low+more)
		more -= n - free.low
		for range n {
			c.doom(free.tail, v) // the head is what is taken next
		}
		free.low = free.n
	}
	l.freePeak, l.freeTouched = l.freeObjects, false
}
