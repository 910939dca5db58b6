// Guarded samples: an allocation now and then gets pages of its own between pages
// that fault, so that an overrun, or a use after free, faults at the instruction.
// The idea is KFENCE's. guardfree.go has the other half of an object's way,
// guardfault.go what a fault there means; aside.go calls.
//
// The pool lies in the upper half of the heap's first chunk, of which the lower
// half is never accessible. Places for objects and guards take turns:
//
//	| guard | object 0 | guard | object 1 | guard | ...
//
// A sample lies at either end of its place, so that the byte behind it, or in
// front of it, faults. The rest of its place is filled, and looked at when it is
// freed. The pages of a sample have the owner of the cache with a bit more, so
// that every free of one leaves the fast path, which pays nothing for this.

package kmem

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

const (
	guardPoolStart = chunkPages / 2 << pageShift // offset in the heap
	guardPoolBytes = chunkPages / 2 << pageShift
	guardPadding   = 0xaa // fills a place, xored with the low bits of the address
)

// guardPool is the pool of a heap. Its lock is innermost, but for that of the stacks.
type guardPool struct {
	h        *Heap         // constant
	unit     uintptr       // constant; bytes of a place
	every    uint64        // constant
	interval time.Duration // constant

	open atomic.Bool  // the interval since the last sample is over
	room atomic.Int64 // length of free

	mu     sync.Mutex // guards all below
	slots  []guardSlot
	free   []int // places without a live object, the one freed first in front
	timer  *time.Timer
	closed bool
}

// guardSlot is a place, and what is known about the last object there.
type guardSlot struct {
	state guardState
	cache *Cache // nil when free
	name  string // of the cache, also when that is gone
	off   uintptr
	size  int
	track track
}

type guardState uint8

const (
	guardFree   guardState = iota // faults
	guardMaking                   // is made, or given up
	guardLive                     // allocated
	guardLimbo                    // freed, and waits for a grace period
)

// newGuardPool returns nil when nothing is to be sampled. The first chunk has its
// page descriptors already.
func newGuardPool(h *Heap) (*guardPool, error) {
	o := h.debug
	if o.GuardEvery <= 0 && o.GuardInterval <= 0 {
		return nil, nil
	}
	region := h.buddy.region
	if err := region.Commit(guardPoolStart, guardPoolBytes); err != nil {
		return nil, err
	}
	if err := region.Guard(guardPoolStart, guardPoolBytes); err != nil {
		return nil, err
	}
	g := &guardPool{h: h, unit: mmap.GuardUnit(), every: uint64(max(o.GuardEvery, 1)), interval: o.GuardInterval}
	g.slots = make([]guardSlot, (guardPoolBytes/g.unit-1)/2)
	for i := range g.slots {
		g.free = append(g.free, i)
	}
	g.open.Store(true)
	g.room.Store(int64(len(g.free)))
	h.end.Store(chunkPages << pageShift) // from here on, offsets in the pool have pages
	return g, nil
}

// place returns the offset of place i.
func (g *guardPool) place(i int) uintptr { return guardPoolStart + uintptr(2*i+1)*g.unit }

// find returns the number of the place that off lies in, -1 for none.
func (g *guardPool) find(off uintptr) int {
	if off-guardPoolStart >= guardPoolBytes { // wraps below
		return -1
	}
	n := int((off - guardPoolStart) / g.unit)
	if n%2 == 0 || n/2 >= len(g.slots) {
		return -1
	}
	return n / 2
}

// due decides about one allocation that found its array empty, seen counts those
// of its cache. The interval begins anew with a timer, so that an idle heap has
// none.
func (g *guardPool) due(seen *atomic.Uint64) bool {
	if g.room.Load() == 0 {
		return false
	}
	if g.every > 1 && seen.Add(1)%g.every != 0 {
		return false
	}
	if g.interval <= 0 {
		return true
	}
	if !g.open.Load() || !g.open.CompareAndSwap(true, false) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.timer = time.AfterFunc(g.interval, func() { g.open.Store(true) })
	}
	return true
}

// close stops the timer.
func (g *guardPool) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed = true; g.timer != nil {
		g.timer.Stop()
	}
}

// alloc returns a guarded object of c, or nil when there is no place, or no memory
// for one. No lock is held. When the constructor panics nothing has happened.
func (g *guardPool) alloc(c *Cache) Pointer {
	here := now()
	i := g.claim(c, here)
	if i < 0 {
		return nil
	}
	place, off := g.place(i), g.slots[i].off
	done := false
	c.sampler.guarded.Add(1) // ahead of the look, as Destroy counts ahead of the end
	defer func() {
		if !done {
			c.sampler.guarded.Add(-1)
			g.retire(i)
		}
	}()
	if c.dead() {
		c.usedAfterDestroy("Alloc")
	}
	if g.h.buddy.region.Unguard(place, g.unit) != nil {
		return nil
	}
	for b, n := g.h.bytes(place, int(g.unit)), 0; n < len(b); n++ {
		b[n] = guardPadding ^ byte(n&7)
	}
	clear(g.h.bytes(off, c.geo.Asked))
	p := g.h.at(off)
	if c.ctor != nil {
		c.ctor(p)
	}
	pg := g.h.page(off >> pageShift)
	pg.first = uint32(off)
	atomic.StoreUint32(&pg.owner, c.id|ownerGuard)
	g.mu.Lock()
	g.slots[i].state = guardLive
	g.mu.Unlock()
	done = true
	return p
}

// claim takes the place that is free for longest and decides where the object
// lies in it, or returns -1. A pool that is nearly full is kept for call sites
// that it has nothing of.
func (g *guardPool) claim(c *Cache, here use) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.free) == 0 || len(g.free) < len(g.slots)/4 && g.covers(here.stack) {
		return -1
	}
	i := g.free[0]
	g.free = g.free[1:]
	g.room.Add(-1)
	s := &g.slots[i]
	*s = guardSlot{state: guardMaking, cache: c, name: c.name, off: g.place(i), size: c.geo.Asked, track: track{allocated: here}}
	if rand.Uint32()&1 == 0 {
		s.off += g.unit - uintptr(roundUp(c.geo.Asked, c.geo.Align))
	}
	return i
}

// covers reports whether the pool has an object of that call site.
func (g *guardPool) covers(stack stackID) bool {
	for i := range g.slots {
		if s := &g.slots[i]; s.state == guardLive && s.track.allocated.stack == stack {
			return true
		}
	}
	return false
}
