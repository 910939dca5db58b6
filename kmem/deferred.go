// Deferred free: an object goes back after a grace period, and is not touched
// until then. What kfree_rcu is to the kernel.
//
// Objects gather in blocks, a block per slot. A full block is queued as one
// callback of the domain. A block that does not fill is queued when it has seen
// one whole grace period: the first object of a slot starts a tick, a callback
// too, that takes the block away or waits for one more. So nothing waits for
// more than two grace periods, there is no timer, and an idle cache costs
// nothing.

package kmem

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
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

	queued  atomic.Int64 // objects in blocks that wait in the domain
	batches atomic.Uint64
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
	spill   []uintptr   // instead of a block, when the heap has no memory for one
	tick    func()      // constant
	_       [smp.LinePad]byte
}

// deferBlock is the head of a block of offsets. It lives off the Go heap.
type deferBlock struct {
	head  urcu.Head
	heap  uint32
	cache uint32
	n     uint32
	_     uint32
}

var freeBlockCallback urcu.Callback

func init() { freeBlockCallback = urcu.NewCallback("kmem.freeDeferred", freeDeferred) }

// FreeDeferred frees p after a grace period, when no reader that may have found
// it is left in its section. The object keeps its contents until then; no word
// of it is used. It is for caches without [DestroyByRCU], whose objects readers
// use without a check, and legal for all.
//
// Any goroutine may call it, inside sections too: it neither blocks nor fails.
// It panics when p is no object of this cache, or was given to it just before.
// Objects wait for one grace period or two, in batches. [Cache.Destroy] waits
// for them, and a heap at its limit sends them off early.
func (c *Cache) FreeDeferred(p Pointer) {
	off := offset(c.base, p)
	if !c.ownsNow(off) && !(c.aside && c.whyBad(p) == "") {
		c.badFree(p)
	}
	d := c.deferral.Load()
	if d == nil {
		d = c.startDeferral()
	}
	s := d.borrow()
	if s.last() == off {
		s.giveBack()
		c.doubleFree(off)
	}
	full := d.add(s, off)
	start := !s.ticking
	if start {
		s.ticking, s.seen = true, s.begun
	}
	s.giveBack()
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
func (c *Cache) ownsNow(off uintptr) bool {
	if off >= c.heap.end.Load() {
		return false
	}
	p := c.heap.page(off >> pageShift)
	return p.owner == c.id && c.index(p, off) < c.num
}

// startDeferral makes the slots.
func (c *Cache) startDeferral() *deferral {
	d := &deferral{c: c, slots: make([]deferSlot, len(c.slots.s))}
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

// startBlocks makes the cache of blocks. Without one, slices do.
func (h *Heap) startBlocks() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c, err := h.innerCache("kmem_deferred", blockBytes, h.layout.descriptors()); err == nil {
		h.blocks.Store(c)
	}
}

func (s *deferSlot) take() bool { return atomic.SwapUint32(&s.token, 1) == 0 }

func (s *deferSlot) giveBack() { storeRelease(&s.token, 0) }

// borrow returns a slot that the caller owns until it gives it back.
func (d *deferral) borrow() *deferSlot {
	mask := uintptr(len(d.slots) - 1)
	for i := stackHint(); ; i++ {
		s := &d.slots[i&mask]
		if s.take() {
			return s
		}
		if (i+1)&mask == stackHint()&mask {
			waitFor(s.take)
			return s
		}
	}
}

// batch is what a slot gathered: a block, or a slice of Go's heap.
type batch struct {
	block *deferBlock
	spill []uintptr
}

func (b batch) empty() bool { return b.block == nil && b.spill == nil }

// last returns the object that came last, 0 if there is none.
func (s *deferSlot) last() uintptr {
	switch {
	case s.block != nil:
		return *s.block.entry(s.block.n - 1)
	case s.spill != nil:
		return s.spill[len(s.spill)-1]
	}
	return 0
}

// add puts an object into the slot's batch and returns the batch when it is
// full. The caller owns s.
func (d *deferral) add(s *deferSlot, off uintptr) (full batch) {
	if s.block == nil && s.spill == nil {
		s.begun++
		s.block = d.newBlock()
	}
	if b := s.block; b != nil {
		*b.entry(b.n) = off
		b.n++
		if b.n < d.capacity {
			return batch{}
		}
	} else {
		s.spill = append(s.spill, off)
		if len(s.spill) < int(d.capacity) {
			return batch{}
		}
	}
	return s.detach()
}

// detach takes the batch away, full or not. The caller owns s.
func (s *deferSlot) detach() batch {
	b := batch{s.block, s.spill}
	s.block, s.spill = nil, nil
	return b
}

// newBlock returns an empty block, nil when the heap has no memory.
func (d *deferral) newBlock() *deferBlock {
	h := d.c.heap
	blocks := h.blocks.Load()
	if blocks == nil {
		return nil
	}
	b := blockAt(blocks.Alloc())
	if b != nil {
		*b = deferBlock{heap: h.id, cache: d.c.id}
	}
	return b
}

// queue sends a batch off for a grace period. No token is held.
func (d *deferral) queue(b batch) {
	h := d.c.heap
	n := len(b.spill)
	if b.block != nil {
		n = int(b.block.n)
	}
	waiting := d.queued.Add(int64(n))
	d.batches.Add(1)
	if b.block != nil {
		h.domain.Call(&b.block.head, freeBlockCallback)
	} else {
		h.domain.Defer(func() { d.release(b.spill) })
	}
	if waiting*int64(d.c.geo.ObjSize) > min(deferHigh, int64(h.buddy.limit<<pageShift/4)) {
		h.domain.Drive()
	}
}

// tick runs a grace period after it was started: what the slot had then has seen
// one, and goes; for what came later another tick starts.
func (d *deferral) tick(s *deferSlot) {
	if !s.take() {
		d.c.heap.domain.Defer(s.tick)
		return
	}
	var b batch
	again := false
	switch {
	case s.block == nil && s.spill == nil:
	case s.begun == s.seen:
		b = s.detach()
	default:
		again = true
	}
	s.ticking, s.seen = again, s.begun
	s.giveBack()
	if again {
		d.c.heap.domain.Defer(s.tick)
	}
	if !b.empty() {
		d.queue(b)
	}
}

// freeDeferred is the other end: the objects of a block have had their grace
// period.
func freeDeferred(head *urcu.Head) {
	b := blockOf(head)
	h := heapOf(b.heap)
	d := h.cacheOf(b.cache).deferral.Load()
	defer d.queued.Add(-int64(b.n)) // last: Destroy looks at it
	v, twice := d.putBack(b.entries())
	h.blocks.Load().Free(b.address())
	d.c.afterFree(v, twice)
}

// release frees the objects of a batch that had no block.
func (d *deferral) release(objs []uintptr) {
	defer d.queued.Add(-int64(len(objs)))
	d.c.afterFree(d.putBack(objs))
}

// putBack moves objects to the shared array and their slabs. What it returns is
// for afterFree.
func (d *deferral) putBack(objs []uintptr) (v victims, twice uintptr) {
	if d.c.aside {
		for _, off := range objs {
			d.c.Free(at(d.c.base, off))
		}
		return v, 0
	}
	for len(objs) > 0 {
		n := min(len(objs), bulkChunk)
		twice = max(twice, d.c.putStraight(objs[:n], &v))
		objs = objs[n:]
	}
	return v, twice
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
		b := s.detach()
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
	if d := c.deferral.Load(); d != nil && d.flush(true) {
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
