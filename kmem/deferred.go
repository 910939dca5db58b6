// Deferred free: an object goes back after a grace period, and is not touched
// until then. What kfree_rcu is to the kernel.
//
// Objects gather in blocks, a block per slot. A full block is queued as one
// callback of the domain. A block that does not fill is queued when it has seen
// one whole grace period: the first object of a slot starts a tick, a callback
// too, that takes the block away or waits for one more. So nothing waits for
// more than three grace periods, there is no timer, and an idle cache costs
// nothing.

package kmem

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
)

const (
	// blockBytes is small, because where grace periods are quick, blocks leave
	// with few objects in them; fifty to a callback make its cost small enough.
	blockBytes = 448
	// deferBytes bounds the memory that one block keeps waiting, deferHigh what
	// may wait in a cache before frees drive the grace period along.
	deferBytes = 256 << 10
	deferHigh  = 16 << 20
)

// deferral is what a cache needs for deferred frees.
type deferral struct {
	c        *Cache // constant
	capacity uint32 // constant; objects in a block

	leaving atomic.Int64 // batches between their slots and the domain
	queued  atomic.Int64 // objects in blocks that wait in the domain
	slots   []deferSlot
}

// deferSlot gathers the objects of the goroutines that meet there. It belongs to
// whoever holds the token; a callback tries once and comes again.
type deferSlot struct {
	token   uint32
	ticking bool
	begun   uint32      // batches begun here
	seen    uint32      // begun, when the tick under way started
	block   *deferBlock // being filled; nil between batches
	spill   []addr      // instead of a block, when the heap has no memory for one
	tick    func()      // constant
	_       [smp.LinePad]byte
}

// FreeDeferred frees p after a grace period, when no reader that may have found
// it is left in its section. The object keeps its contents until then; no word
// of it is used. It is for caches without [DestroyByRCU], whose objects readers
// use without a check, and legal for all.
//
// Any goroutine may call it, inside sections too: it neither blocks nor fails.
// It panics when p is no object of this cache, or was given to it just before.
// Objects wait for one to three grace periods, in batches. [Cache.Destroy] waits
// for them, and a heap at its limit sends them off early.
func (c *Cache) FreeDeferred(p Pointer) {
	obj := addr(p)
	if !c.ownsNow(obj) && !(c.aside && c.whyBad(obj) == "") {
		c.badFree(obj)
	}
	d := c.deferral.Load()
	if d == nil {
		d = c.startDeferral()
	}
	s := d.borrow()
	var fresh *deferBlock
	if s.isEmpty() { // a block comes with no token held
		s.giveBack()
		fresh = d.newBlock()
		s = d.borrow()
	}
	if s.last() == obj {
		s.giveBack()
		d.freeBlock(fresh)
		c.doubleFree(obj)
	}
	if s.isEmpty() {
		s.begin(fresh)
		fresh = nil
	}
	full := d.add(s, obj)
	start := !s.ticking
	if start {
		s.ticking, s.seen = true, s.begun
	}
	s.giveBack()
	d.freeBlock(fresh)
	if start {
		c.heap.domain.Defer(s.tick)
	}
	if !full.empty() {
		d.queue(full)
	}
}

// FreeDeferred is [Cache.FreeDeferred].
func (l *Local) FreeDeferred(p Pointer) { l.cache.FreeDeferred(p) }

// ownsNow is frame.owns with the heap's end of now.
func (c *Cache) ownsNow(obj addr) bool {
	off := obj.above(c.base)
	if off >= c.heap.end.Load() {
		return false
	}
	p := c.heap.page(off >> pageShift)
	return p.owner == c.id && c.divide.starts(p.rel(off))
}

// startDeferral makes the slots.
func (c *Cache) startDeferral() *deferral {
	d := &deferral{c: c, slots: make([]deferSlot, slotCount())}
	d.capacity = uint32(max(min(blockEntries, deferBytes/c.geo.ObjSize), 16))
	for i := range d.slots {
		s := &d.slots[i]
		s.tick = func() { d.tick(s) }
	}
	c.heap.startBlocks()
	if !c.deferral.CompareAndSwap(nil, d) {
		return c.deferral.Load()
	}
	return d
}

func (s *deferSlot) take() bool { return atomic.SwapUint32(&s.token, 1) == 0 }

func (s *deferSlot) giveBack() { storeRelease(&s.token, 0) }

// borrow returns a slot that the caller owns until it gives it back.
func (d *deferral) borrow() (s *deferSlot) {
	var here mark
	i, mask := here.key(), uintptr(len(d.slots)-1)
	if s = &d.slots[i&mask]; s.take() {
		return s
	}
	waitFor(func() bool {
		i++
		s = &d.slots[i&mask]
		return s.take()
	})
	return s
}

// flush queues what the slots have gathered; those in use are left out unless
// wait. It reports whether anything waits for a grace period.
func (d *deferral) flush(wait bool) bool {
	for i := range d.slots {
		s := &d.slots[i]
		if wait {
			waitFor(s.take)
		} else if !s.take() {
			continue
		}
		b := d.detach(s)
		s.giveBack()
		if !b.empty() {
			d.queue(b)
		}
	}
	return d.queued.Load() > 0
}

// BarrierDeferred returns when all objects that were given to [Cache.FreeDeferred]
// before are free. It blocks for a grace period, unless there are none, and must
// not be called inside a section or from a callback.
func (c *Cache) BarrierDeferred() {
	d := c.deferral.Load()
	if d == nil {
		return
	}
	d.flush(true)
	waitFor(func() bool { return d.leaving.Load() == 0 }) // what others took out of a slot before
	if d.queued.Load() > 0 {
		c.heap.domain.Barrier()
	}
}

// countDeferred counts the objects that wait. Those in a slot in use are left
// out.
func (c *Cache) countDeferred() (n int) {
	d := c.deferral.Load()
	if d == nil {
		return 0
	}
	for i := range d.slots {
		s := &d.slots[i]
		if !s.take() {
			continue
		}
		if n += len(s.spill); s.block != nil {
			n += int(s.block.n)
		}
		s.giveBack()
	}
	return n + int(d.queued.Load())
}

// flushDeferred queues what waits in all caches and helps the grace period
// along, for a heap that is short of memory. It never blocks. It reports whether
// there is anything to hope for.
func (h *Heap) flushDeferred() bool {
	waiting := false
	for _, c := range h.list() {
		if d := c.deferral.Load(); d != nil && d.flush(false) {
			waiting = true
		}
	}
	if waiting {
		h.domain.Drive()
	}
	return waiting
}
