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
// the descriptor any more, so a slab's end needs no memory of its own.
type slabRCU struct {
	head  urcu.Head
	heap  uint32 // number of the heap
	cache uint32 // id of the cache
	page  uint32 // number of the first page
}

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
		next := uintptr(c.heap.slab(off).next)
		c.destruct(off, next)
		if c.flags&DestroyByRCU == 0 {
			c.releaseSlab(off)
		} else {
			c.enterLimbo(off)
		}
		off = next
	}
}

// enterLimbo queues a slab for release after a grace period. From the overlay
// on, the pages map to no slab: their owner says limbo.
func (c *Cache) enterLimbo(off uintptr) {
	h := c.heap
	s := h.slab(off)
	first := s.page
	h.setOwner(uintptr(first), uint(c.geo.Order), c.id|ownerLimbo)
	c.limbo.Add(1)
	h.addLimbo(1 << c.geo.Order)
	rcu := s.overlay()
	*rcu = slabRCU{heap: h.id, cache: c.id, page: first}
	h.domain.Call(&rcu.head, rcuFreeCallback)
}

// rcuFree is the other end: a grace period has passed. The overlay is copied
// before the pages go, because it may stand on them.
func rcuFree(head *urcu.Head) {
	rcu := slabRCUOf(head)
	r := *rcu
	h := heapOf(r.heap)
	c := h.cacheOf(r.cache)
	h.addLimbo(-(1 << c.geo.Order))
	c.release(uintptr(r.page), rcu.address())
	c.limbo.Add(-1)
}

// releaseSlab gives a slab back at once.
func (c *Cache) releaseSlab(off uintptr) {
	c.release(uintptr(c.heap.slab(off).page), c.heap.at(off))
}

// release gives the pages of a slab back, and then its descriptor, if that
// stands elsewhere.
func (c *Cache) release(first uintptr, desc Pointer) {
	c.heap.buddy.freePages(first, uint(c.geo.Order))
	if c.descs != nil {
		c.descs.Free(desc)
	}
}
