// Draining array caches that somebody else owns. The kernel sent an interrupt
// to the owner; here the two sides agree by two words.
//
// An owner marks itself busy, looks whether it was stolen from, works on its
// array, and marks itself idle. A drainer marks the array stolen, fences, and
// waits until the owner is idle. The owner has no fence of its own:
//
//	owner (alloc.go, free.go)          drainer (here)
//	A  busy = 1         plain store    B  stolen = 1        atomic store
//	   load stolen      plain load        membarrier        on every running thread
//	   ... array ...                      wait for busy == 0
//	   busy = 0         plain store       ... array ...
//
// If the owner's load saw stolen == 0, it ran before the membarrier's fence on
// the owner's thread, and that fence made busy = 1 visible: the drainer waits.
// If it ran after, it sees stolen == 1 and touches nothing. Without the
// membarrier busy = 1 could still sit in the owner's store buffer while both
// loads read 0. The store busy = 0 is a release on amd64 as it stands, so a
// drainer that sees it sees the whole array. The protocol is checked in
// urcu/model_drain_test.go over all interleavings and store buffers.
//
// Where membarrier is missing, under the race detector and on other
// architectures, the owner uses atomics: on amd64 an XCHG more per call that
// misses the hot slots, on arm64 STLR and LDAR.
//
// The hot slots of a handle are outside of this: only its CPU touches them, so
// that the fast paths need neither word. A drain leaves the two objects there, until
// the CPU goes offline, calls [Local.Flush], or the cache is destroyed. Destroy
// takes it only once every other object is home: then an Alloc or Free under
// way, which alone could race, is a use after Destroy and a bug of its caller.

package kmem

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/urcu"
)

// Values of Local.stolen; every one but 0 keeps the owner off its fast path.
const (
	stolenDraining = 1 << iota // a drainer works
	stolenFenced               // there is no membarrier: use atomics
	stolenGone                 // the CPU is offline
)

// enter makes the owner busy, after waiting for a drainer that is at work.
func (l *Local) enter(op string) {
	if plainOwner {
		l.busy = 1 // A: pairs with B in steal
		if l.stolen == 0 {
			return
		}
	}
	l.enterStolen(op)
}

// enterStolen is enter where a plain store does not do, or not yet.
func (l *Local) enterStolen(op string) {
	for {
		atomic.StoreUint32(&l.busy, 1) // A, where the fence is the owner's
		s := atomic.LoadUint32(&l.stolen)
		if s&^stolenFenced == 0 {
			return
		}
		atomic.StoreUint32(&l.busy, 0)
		if s&stolenGone != 0 {
			l.gone(op)
		}
		l.cache.waitDrain(op)
	}
}

// leave makes the owner idle.
func (l *Local) leave() { storeRelease(&l.busy, 0) }

// steal keeps the owner off its array from the next fence on, except that it may
// be busy with it still. The caller holds owners.
func (l *Local) steal() {
	atomic.StoreUint32(&l.stolen, l.stolen|stolenDraining) // B: pairs with A in alloc.go, free.go and enter
}

// unsteal gives the array back to its owner.
func (l *Local) unsteal() { atomic.StoreUint32(&l.stolen, l.stolen&^stolenDraining) }

// waitDrain returns when no drainer is at work, or panics when the cache is
// gone.
func (c *Cache) waitDrain(op string) {
	c.owners.Lock()
	dead := c.dead()
	c.owners.Unlock()
	if dead {
		c.usedAfterDestroy(op)
	}
}

// drain moves the objects of all array caches back to their slabs. It returns
// slabs to destroy.
func (c *Cache) drain(op string) victims {
	c.owners.Lock()
	if c.dead() {
		c.owners.Unlock()
		c.usedAfterDestroy(op)
	}
	v, twice := c.steal()
	c.restore()
	c.owners.Unlock()
	if twice != 0 {
		c.afterFree(v, twice)
	}
	return v
}

// steal takes every array from its owner and empties it, and the shared array. The
// caller holds owners, and calls restore unless the cache is going away.
func (c *Cache) steal() (v victims, twice addr) {
	for _, l := range c.locals {
		if l != nil {
			l.steal()
		}
	}
	if len(c.locals) > 0 {
		urcu.HeavyFence()
	}
	for _, l := range c.locals {
		if l != nil {
			waitFor(func() bool { return atomic.LoadUint32(&l.busy) == 0 })
			twice = max(twice, c.empty(l.array(), &v))
		}
	}
	c.recallAll(true)
	for i := range c.slots.s {
		s := &c.slots.s[i]
		waitFor(s.take)
		twice = max(twice, c.empty(&s.arrayCache, &v), c.emptyHot(&s.arrayCache, &v))
	}
	return v, max(twice, c.emptyShared(&v))
}

// restore gives the array caches back to their owners. The caller holds owners.
func (c *Cache) restore() {
	for _, l := range c.locals {
		if l != nil {
			l.unsteal()
		}
	}
	for i := range c.slots.s {
		c.slots.s[i].giveBack()
	}
}

// empty puts what an array holds back on the slabs. The caller owns it.
func (c *Cache) empty(a *arrayCache, v *victims) (twice addr) {
	c.lock()
	for a.avail > 0 && twice == 0 {
		var n int
		n, twice = c.freeBlock(a.oldest(int(a.avail)), v)
		a.dropOldest(n)
	}
	a.touched, a.flushed, a.streamed = 0, false, 0
	c.unlock()
	return twice
}

// emptyHot puts the objects in the hot slots back on their slabs. The caller owns
// the slots.
func (c *Cache) emptyHot(a *arrayCache, v *victims) (twice addr) {
	if a.inSlots() == 0 {
		return 0
	}
	c.lock()
	defer c.unlock()
	return c.freeHot(a, v)
}

// freeHot is emptyHot for who holds mu.
func (c *Cache) freeHot(a *arrayCache, v *victims) (twice addr) {
	for _, slot := range [...]*addr{&a.under, &a.hot} {
		if *slot != 0 {
			_, t := c.freeBlock([]addr{*slot}, v)
			*slot, twice = 0, max(twice, t)
		}
	}
	return twice
}

// waitFor polls until ok, yielding first and then sleeping: the owner it waits
// for may need this very processor.
func waitFor(ok func() bool) {
	for i := 0; !ok(); i++ {
		if i < 100 {
			runtime.Gosched()
		} else {
			time.Sleep(50 * time.Microsecond)
		}
	}
}
