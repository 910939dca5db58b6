// Pressure: what happens at a heap's limit before Alloc fails. Between stops 4
// and 5 of the walk in doc.go.
//
// First the cache looks for objects on slabs that it left to other owners, and in its
// own array caches, then all others give back what nobody has: array caches, shared
// arrays and free slabs, whatever the reaper's rules say. If that is not enough, the
// heap's shrinkers are asked, and then it all begins again, for as long as they say
// that they freed something.
//
// Nothing here waits for a grace period, because the caller may be inside a
// section. Slabs of caches with DestroyByRCU go into limbo, and what they held is
// there for a later Alloc; so are objects that were freed deferred. Nor does anything wait for an owner that is busy with
// its array: it is taken from when it is not.

package kmem

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/urcu"
)

// pressure is the state of those who are at the heap's limit.
type pressure struct {
	mu    sync.Mutex    // one at a time takes from all caches; before any cache's owners
	by    atomic.Uint64 // the goroutine that does; 0 is none
	count atomic.Uint64 // times that somebody did
}

// pressurePatience bounds the wait for somebody else who takes from all caches.
const pressurePatience = 100 * time.Millisecond

// enter waits for who is at it, so that the caller finds what that one frees. Destructors
// and callbacks run then, users' code: it may allocate itself, and it may want a lock that
// the caller has. Then nobody waits, or not for ever.
func (p *pressure) enter() (leave func()) {
	me, end := goroutineID(), time.Now().Add(pressurePatience)
	entered := false
	if p.by.Load() != me {
		waitFor(func() bool {
			entered = p.mu.TryLock()
			return entered || time.Now().After(end)
		})
	}
	if !entered {
		return func() {}
	}
	p.by.Store(me)
	return func() {
		p.by.Store(0)
		p.mu.Unlock()
	}
}

// underPressure tries to get 2^Order pages after that has failed with err. It
// returns their number, or 0 and no error when the cache has objects again
// without growing, or 0 and why there is nothing. No lock is held.
func (c *Cache) underPressure(home uint8, err error) (first uintptr, _ error) {
	if c.makeDo() {
		return 0, nil
	}
	h, order := c.heap, uint(c.geo.Order)
	if c == h.blocks.Load() {
		return 0, err // FreeDeferred does without a block, and may be where nothing else may run
	}
	for range shrinkRounds {
		h.flushDeferred()
		c.reclaim(false)
		if c.makeDo() {
			return 0, nil
		}
		h.reclaim(c)
		if first, err = h.buddy.getPages(order, home, false); err == nil {
			return first, nil
		}
		if c.Heap().shrink(h.wanted(order)) == 0 {
			break
		}
	}
	return 0, err
}

// shrinkRounds bounds how often shrinkers are believed that they freed something
// when there is still nothing.
const shrinkRounds = 16

// wanted is how many bytes shrinkers are asked for when 2^order pages are
// missing: more than those, so that they are not asked for each slab.
func (h *Heap) wanted(order uint) uintptr {
	return max(pageSize<<order, min(h.buddy.limit<<pageShift/32, 1<<20))
}

// makeDo reports whether a refill would find any object, now that the cache cannot
// grow: until it does, what is of other homes is there for all.
func (c *Cache) makeDo() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists.starved = true
	return c.shared.avail > 0 || c.lists.freeObjects > 0
}

// reclaim takes from all caches but one what is free. The heap's own come last:
// the slabs of the others leave descriptors behind.
func (h *Heap) reclaim(but *Cache) {
	defer h.pressure.enter()()
	h.pressure.count.Add(1)
	all := h.list()
	for _, inner := range [...]bool{false, true} {
		for _, c := range all {
			if c.inner == inner && c != but {
				c.reclaim(true)
			}
		}
	}
	h.driveLimbo()
}

// driveLimbo helps the grace period along that slabs wait for: one that is nearly
// over may as well end now. It never waits, and stops when that brings nothing.
func (h *Heap) driveLimbo() {
	for tries, before := 0, h.limbo.Load(); before > 0 && tries < limboDrives; {
		h.domain.Drive()
		now := h.limbo.Load()
		if now >= before {
			tries++
		}
		before = now
	}
}

// limboDrives is how many steps in a row may bring nothing.
const limboDrives = 4

// reclaim moves all objects that nobody has from the cache's arrays to their
// slabs, and takes the free slabs if asked. An array whose owner is busy, and the
// hot slots of an emulated CPU, keep theirs.
func (c *Cache) reclaim(slabs bool) {
	c.lockQuiet()
	done, before := c.stirs.n == c.stirs.reclaimed, c.stirs.n
	c.unlock()
	if done {
		return
	}
	c.owners.Lock()
	if c.dead() {
		c.owners.Unlock()
		return
	}
	var v victims
	busy, twice := c.strip(&v)
	c.lockQuiet()
	twice = max(twice, c.unshare(c.shared.avail, &v))
	c.shared.dropEmpty()
	if slabs {
		c.takeFree(&v)
	}
	if !busy && c.lists.count(slabsFree) == 0 {
		c.stirs.reclaimed = before
	}
	c.unlock()
	c.owners.Unlock()
	c.afterFree(v, twice)
}

// strip empties array caches and takes their entries away. It reports whether an
// owner was too busy for that. The caller holds owners.
func (c *Cache) strip(v *victims) (busy bool, twice addr) {
	busy, twice = c.stripLocals(v)
	c.recallAll(false)
	for i := range c.slots.s {
		s := &c.slots.s[i]
		if !patient(s.take) {
			busy = true
			continue
		}
		twice = max(twice, c.stripArray(&s.arrayCache, true, v))
		s.blind()
		s.giveBack()
	}
	return busy, twice
}

func (c *Cache) stripLocals(v *victims) (busy bool, twice addr) {
	stolen := false
	for _, l := range c.locals {
		if l != nil {
			l.steal()
			stolen = true
		}
	}
	if stolen {
		urcu.HeavyFence()
	}
	for _, l := range c.locals {
		if l == nil {
			continue
		}
		if patient(func() bool { return atomic.LoadUint32(&l.busy) == 0 }) {
			twice = max(twice, c.stripArray(l.array(), false, v))
		} else {
			busy = true
		}
		l.unsteal()
	}
	return busy, twice
}

// stripArray empties an array, with its hot slots if asked. The caller owns it.
func (c *Cache) stripArray(a *arrayCache, hot bool, v *victims) (twice addr) {
	if a.limit == 0 && !(hot && a.inSlots() != 0) {
		return 0
	}
	c.lockQuiet()
	defer c.unlock()
	for a.avail > 0 && twice == 0 {
		var n int
		n, twice = c.freeBlock(a.oldest(int(a.avail)), v)
		a.dropOldest(n)
	}
	if hot && twice == 0 {
		twice = c.freeHot(a, v)
	}
	a.touched = 0
	if a.avail == 0 {
		a.strip()
	}
	return twice
}

// patient polls a few times until ok, and reports whether it came to be.
func patient(ok func() bool) bool {
	for range 20 {
		if ok() {
			return true
		}
		runtime.Gosched()
	}
	return ok()
}
