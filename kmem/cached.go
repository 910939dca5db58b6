// What the caches of a heap hold back from the page allocator, for its
// statistics. Beside the walk of doc.go.

package kmem

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/urcu"
)

// held is what one cache holds, in bytes.
type held struct{ cached, freeSlabs, reclaimable int64 }

func (c *Cache) held() (b held) {
	slab := int64(pageSize) << c.geo.Order
	c.owners.Lock() // so that no drain moves what is counted
	defer c.owners.Unlock()
	c.mu.Lock()
	inArrays := c.shared.avail
	b.freeSlabs = int64(c.lists.count(slabsFree)) * slab
	if c.flags&ReclaimAccount != 0 {
		b.reclaimable = (int64(c.lists.slabs()) + c.limbo.Load()) * slab
	}
	c.mu.Unlock()
	inArrays += c.atHand()
	b.cached = int64(inArrays) * int64(c.objSize)
	return b
}

// atHand counts the objects in array caches, as well as that can be done from
// outside: those of an owner that is busy are left out. The caller holds owners.
func (c *Cache) atHand() (n int) {
	for _, l := range c.locals {
		if l != nil {
			n += l.atHand()
		}
	}
	for i := range c.slots.s {
		if s := &c.slots.s[i]; s.lease.Load().key != 0 {
			n += s.seen()
		} else if s.take() {
			n += s.count()
			s.giveBack()
		}
	}
	return n
}

// count is how many objects an array holds. The caller owns it.
func (a *arrayCache) count() int {
	return int(a.avail) + a.inSlots()
}

// seen is count from outside, as the stores of the owner have come to be seen.
func (a *arrayCache) seen() (n int) {
	n = int(atomic.LoadUint32(&a.avail))
	for _, slot := range [...]*addr{&a.hot, &a.under} {
		if atomic.LoadUintptr((*uintptr)(slot)) != 0 {
			n++
		}
	}
	return n
}

// inSlots is how many of them are in the hot slots.
func (a *arrayCache) inSlots() (n int) {
	for _, obj := range [...]addr{a.hot, a.under} {
		if obj != 0 {
			n++
		}
	}
	return n
}

// atHand looks from outside, where plain stores can be seen so, or else takes the
// array for a moment. The caller holds owners.
func (l *Local) atHand() (n int) {
	if plainOwner {
		return l.array().seen()
	}
	l.steal()
	defer l.unsteal()
	urcu.HeavyFence()
	if atomic.LoadUint32(&l.busy) == 0 {
		n = l.array().count()
	}
	return n
}
