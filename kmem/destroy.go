// The end of a slab: at once, or after a grace period. Stops 9 to 11 of the
// walk in doc.go; the fork is what the whole project is about.

package kmem

import "github.com/slabrcu/slabrcu/urcu"

// victims are slabs on their way out, on no list and with all objects on them,
// chained by next.
type victims struct {
	head uintptr
	n    int
}

func (v *victims) add(s *slab, off uintptr) {
	s.next = uint64(v.head)
	v.head = off
	v.n++
}

// slabRCU overlays slab while the slab is in limbo: nothing else is needed of
// the descriptor any more, so a slab's end needs no memory of its own. Slabs that
// die together wait together: the head of the first is queued, for all.
type slabRCU struct {
	head  urcu.Head
	next  uint64 // offset of the next slab that waits with this one; 0 is none
	heap  uint32 // number of the heap
	cache uint32 // id of the cache
	page  uint32 // number of the first page
	slabs uint32 // in the first: how many wait with it, itself included
}

// limboBatch is how many slabs may wait together. One callback gives all their
// pages back, in a few microseconds.
const limboBatch = 64

// rcuFreeCallback is what a slab in limbo is queued with.
var rcuFreeCallback urcu.Callback

func init() { rcuFreeCallback = urcu.NewCallback("kmem.rcuFree", rcuFree) }

// destroySlabs ends slabs that are on no list. No lock is held.
//
// With DestroyByRCU the pages stay what they are, objects of this type, until
// every reader that can hold an address in them has left its section. The
// objects were free already: it is the memory that waits.
func (c *Cache) destroySlabs(v victims) {
	defer c.leaving.Add(-int64(v.n))
	c.destroyed.Add(uint64(v.n))
	bad := c.debug.lastLook(v)
	c.endSlabs(v.head)
	for _, e := range bad {
		c.heap.tell(e)
	}
}

// endSlabs ends the slabs from one on.
func (c *Cache) endSlabs(off uintptr) {
	for off != 0 {
		if c.flags&DestroyByRCU != 0 {
			off = c.enterLimbo(off)
			continue
		}
		next := uintptr(c.heap.slab(off).next)
		c.destruct(off, next)
		c.releaseSlab(off)
		off = next
	}
}

// enterLimbo queues the slabs from one on for release after a grace period, up to
// limboBatch, and returns the next one. From the overlay on, the pages map to no
// slab: their owner says limbo.
func (c *Cache) enterLimbo(off uintptr) (rest uintptr) {
	h := c.heap
	var batch, last *slabRCU
	n := uint32(0)
	for ; off != 0 && n < limboBatch; n++ {
		s, at := h.slab(off), off
		first := s.page
		off = uintptr(s.next)
		h.setOwner(uintptr(first), uint(c.geo.Order), c.id|ownerLimbo)
		rcu := s.overlay()
		*rcu = slabRCU{heap: h.id, cache: c.id, page: first}
		if batch == nil {
			batch = rcu
		} else {
			last.next = uint64(at)
		}
		last = rcu
	}
	batch.slabs = n
	c.limbo.Add(int64(n))
	h.addLimbo(int64(n) << c.geo.Order)
	h.domain.Call(&batch.head, rcuFreeCallback)
	return off
}

// rcuFree is the other end: a grace period has passed. The pages go before the
// descriptors.
func rcuFree(head *urcu.Head) {
	rcu := slabRCUOf(head)
	h := heapOf(rcu.heap)
	c := h.cacheOf(rcu.cache)
	n := int64(rcu.slabs)
	h.addLimbo(-(n << c.geo.Order))
	h.buddy.freeLimbo(rcu, uint(c.geo.Order))
	for c.descs != nil && rcu != nil { // they stand elsewhere, and are as they were
		next := h.inLimbo(uintptr(rcu.next))
		c.descs.Free(rcu.address())
		rcu = next
	}
	c.limbo.Add(-n)
}

// inLimbo returns the overlay at an offset, nil at 0.
func (h *Heap) inLimbo(off uintptr) *slabRCU {
	if off == 0 {
		return nil
	}
	return h.slab(off).overlay()
}

// releaseSlab gives a slab back at once: its pages, and then its descriptor, if that
// stands elsewhere.
func (c *Cache) releaseSlab(off uintptr) {
	c.heap.buddy.freePages(uintptr(c.heap.slab(off).page), uint(c.geo.Order))
	if c.descs != nil {
		c.descs.Free(c.heap.at(off))
	}
}
