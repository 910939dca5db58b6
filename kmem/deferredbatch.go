// The way of a batch of objects that are freed later: from its slot through a
// grace period to the slabs. See deferred.go.

package kmem

import "github.com/slabrcu/slabrcu/urcu"

// deferBlock is the head of a block of objects. It lives off the Go heap.
type deferBlock struct {
	head  urcu.Head
	heap  uint32
	cache uint32
	n     uint32
	_     uint32
}

var freeBlockCallback urcu.Callback

func init() { freeBlockCallback = urcu.NewCallback("kmem.freeDeferred", freeDeferred) }

// startBlocks makes the cache of blocks. Without one, slices do.
func (h *Heap) startBlocks() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c, err := h.innerCache("kmem_deferred", blockBytes, h.layout.descriptors()); err == nil {
		h.blocks.Store(c)
	}
}

// batch is what a slot gathered: a block, or a slice of Go's heap.
type batch struct {
	block *deferBlock
	spill []addr
}

func (b batch) empty() bool { return b.block == nil && b.spill == nil }

// last returns the object that came last, 0 if there is none.
func (s *deferSlot) last() addr {
	switch {
	case s.block != nil:
		return *s.block.entry(s.block.n - 1)
	case s.spill != nil:
		return s.spill[len(s.spill)-1]
	}
	return 0
}

func (s *deferSlot) isEmpty() bool { return s.block == nil && s.spill == nil }

// begin starts a batch with an empty block, nil when there is no memory for one.
func (s *deferSlot) begin(b *deferBlock) { s.begun, s.block = s.begun+1, b }

// freeBlock gives back a block that was not needed.
func (d *deferral) freeBlock(b *deferBlock) {
	if b != nil {
		d.c.heap.blocks.Load().Free(b.address())
	}
}

// add puts an object into the slot's batch and returns the batch when it is
// full. The caller owns s.
func (d *deferral) add(s *deferSlot, obj addr) (full batch) {
	if b := s.block; b != nil {
		*b.entry(b.n) = obj
		b.n++
		if b.n < d.capacity {
			return batch{}
		}
	} else {
		s.spill = append(s.spill, obj)
		if len(s.spill) < int(d.capacity) {
			return batch{}
		}
	}
	return d.detach(s)
}

// detach takes the batch away, full or not. Whoever does queues it, unless it is empty.
// The caller owns s.
func (d *deferral) detach(s *deferSlot) batch {
	b := batch{s.block, s.spill}
	if !b.empty() {
		d.leaving.Add(1) // before the slot is another's: BarrierDeferred looks at slots, and then here
	}
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
	if b.block != nil {
		h.domain.Call(&b.block.head, freeBlockCallback)
	} else {
		h.domain.Defer(func() { d.release(b.spill) })
	}
	d.leaving.Add(-1)
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
	case s.isEmpty():
	case s.begun == s.seen:
		b = d.detach(s)
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
func (d *deferral) release(objs []addr) {
	defer d.queued.Add(-int64(len(objs)))
	d.c.afterFree(d.putBack(objs))
}

// putBack moves objects to the shared array and their slabs. What it returns is
// for afterFree.
func (d *deferral) putBack(objs []addr) (v victims, twice addr) {
	if d.c.aside {
		for _, obj := range objs {
			d.c.Free(obj.pointer())
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
