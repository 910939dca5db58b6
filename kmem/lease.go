// Leases: a slot that one goroutine has for itself and uses without an atomic.
// Beside stops 1 and 6 of the walk in doc.go.
//
// A token costs an exchange each time a slot is borrowed, which is most of what
// Alloc and Free of any goroutine cost. Like a biased lock, a slot that the same
// goroutine borrows again and again is let to it.
//
// Nothing in Go says cheaply which goroutine runs, but this does: where its stack
// is. Stacks do not overlap and are 2 KiB or more, aligned; so whoever has a
// variable in a certain 2 KiB of memory is, at that moment, the only goroutine
// that has. The number of these 2 KiB is the key of a lease. A stack can move, and
// another goroutine's come to lie there, but not between two instructions that
// have no call between them: the runtime moves a stack at calls alone, since
// where a goroutine is preempted without one it knows nothing about its frames
// (isShrinkStackSafe in runtime/stack.go). So in code without calls that has
// found its own key in a lease, nobody else is in such code with this key, and
// whoever comes later comes after a switch of goroutines or a move of a stack,
// which order memory. That code is the fast paths of [Cache.Alloc] and
// [Cache.Free], and borrow, which goes by a mark in the frame of these;
// TestLeaseHasNoCalls reads their machine code.
//
// What takes longer, a refill say, is done under the word away, which the tenant
// sets and clears, wherever its stack is by then.
//
// Who needs the slot recalls the lease: the drainers of drain.go, by its protocol
// and with its argument, and goroutines that found the slot let too often.
//
//	tenant                             drainer, holds owners
//	A  key is mine                     B  recalled = 1      atomic store
//	   busy = 1         plain store       membarrier        on every running thread
//	   load recalled    plain load        wait for busy == 0, and then for away == 0
//	   load away                          the slot is without a lease: its token is free
//	   ... slot ..., or away = 1
//	   busy = 0         plain store
//
// A lease is never used twice: a goroutine that was preempted between finding its
// key and busy = 1 writes to the lease that it found, and to nothing that the next
// tenant has. urcu/model_lease_test.go has all interleavings of this, and of the
// ways in which it would break.
//
// Under the race detector, on other architectures, without membarrier, and in
// caches where objects go beside the arrays there are no leases.

package kmem

import (
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

const (
	leaseAfter  = 64 // uses between two looks at who borrows a slot; the same one twice gets a lease
	leaseMisses = 16 // others that find a slot let until one of them has the lease recalled

	// A recall costs a membarrier. When others end a lease sooner than leaseWorth,
	// two goroutines want one slot at the same time: keys are spread anew, some
	// times, and then leaseAfter doubles for the slot, up to maxHaste times. A lease
	// that lasted takes both back.
	leaseWorth = time.Millisecond
	maxSpreads = 8
	maxHaste   = 16
)

// lease lets the goroutine whose stack has a variable in the 2 KiB of number key
// use a slot.
type lease struct {
	key   uintptr   // constant; 0 is nobody
	since time.Time // constant

	busy uint32 // written by the tenant: it is at the slot
	_    uint32

	// Read as one word: 0 lets the tenant in.
	away     uint32 // written by the tenant: it is at the slot, in code with calls
	recalled uint32 // written by who holds the cache's owners
	_        [smp.LinePad - 48]byte

	misses atomic.Uint32 // others that came
	_      [smp.LinePad - 4]byte
}

// nobody is the lease of a slot that is not let.
var nobody = new(lease)

// tenancy is what a slot knows about who borrows it. The lease is written by who
// holds the cache's owners and the slot, the rest by who holds the slot.
type tenancy struct {
	lease atomic.Pointer[lease]
	last  uintptr // key of who borrowed it at the last look
	uses  uint32  // by token, since then
	haste uint8   // leases in a row that others ended early, up to maxHaste
}

// offer is called each leaseAfter uses by who has the slot's token. It lets the
// slot to the caller if that was so the last time too. Either way the caller has
// the slot until it gives it back.
//
//go:noinline
func (c *Cache) offer(s *slot, key uintptr) *slot {
	s.uses = 0
	if s.last != key {
		s.last = key
		return s
	}
	if c.noLeases || c.aside || !c.owners.TryLock() { // a drainer at work wants slots back
		return s
	}
	defer c.owners.Unlock()
	c.furnish(s)
	s.lease.Store(&lease{key: key, since: time.Now(), away: 1})
	c.leases.Add(1)
	return s
}

// furnish gives a slot entries, and with them the reaper's eyes: it takes them
// away again before it forgets a slot.
func (c *Cache) furnish(s *slot) {
	if s.limit != 0 {
		return
	}
	c.lockQuiet()
	limit := c.limit
	c.stir()
	c.unlock()
	s.resize(limit)
	s.look()
}

// canLease reports whether leases work here at all.
func canLease() bool { return plainOwner && urcu.HasHeavyFence() }

// crowded is for who found a slot taken. When it is let to somebody else, and has
// been for some others before, the lease ends.
func (c *Cache) crowded(s *slot) {
	if le := s.lease.Load(); le.key != 0 && le.misses.Add(1) >= leaseMisses {
		c.evict(s, le)
	}
}

// evict has the lease le of slot s recalled. It stays when its tenant is at the slot, or
// a drainer is at work.
func (c *Cache) evict(s *slot, le *lease) {
	if le.key == 0 || !c.owners.TryLock() {
		return
	}
	defer c.owners.Unlock()
	if s.lease.Load() != le {
		return
	}
	le.misses.Store(0)
	switch {
	case time.Since(le.since) > leaseWorth:
		s.haste, c.spreads = 0, 0
	case c.spreads < maxSpreads:
		c.spreads++
		c.slots.spread()
		c.recallAll(false)
		return
	default:
		s.haste = min(s.haste+1, maxHaste)
	}
	c.recall(false, func(one *slot) bool { return one == s })
}

// recallAll ends all leases. One whose tenant is at the slot stays unless wait is
// set. The caller holds owners.
func (c *Cache) recallAll(wait bool) { c.recall(wait, func(*slot) bool { return true }) }

// recall is recallAll for the slots that want picks. Their tokens are free then.
func (c *Cache) recall(wait bool, want func(*slot) bool) {
	recalled := false
	for i := range c.slots.s {
		s := &c.slots.s[i]
		if le := s.lease.Load(); le.key != 0 && want(s) {
			atomic.StoreUint32(&le.recalled, 1) // B: pairs with A in alloc.go, free.go and borrow
			recalled = true
		}
	}
	if !recalled {
		return
	}
	urcu.HeavyFence()
	for i := range c.slots.s {
		s := &c.slots.s[i]
		if le := s.lease.Load(); atomic.LoadUint32(&le.recalled) != 0 {
			c.endLease(s, le, wait)
		}
	}
}

func (c *Cache) endLease(s *slot, le *lease, wait bool) {
	left := func() bool { return atomic.LoadUint32(&le.busy) == 0 && atomic.LoadUint32(&le.away) == 0 }
	if wait {
		waitFor(left)
	} else if !patient(left) {
		atomic.StoreUint32(&le.recalled, 0)
		return
	}
	s.last = 0
	s.lease.Store(nobody)
	c.recalls.Add(1)
	storeRelease(&s.token, 0)
}

// recallIdle ends the leases of slots that were not refilled since it looked last.
// The caller holds owners.
func (c *Cache) recallIdle() {
	c.recall(false, func(s *slot) bool {
		if atomic.LoadUint32(&s.touched) != 0 {
			atomic.StoreUint32(&s.touched, 0) // the tenant sets it again at its next refill
			return false
		}
		return true
	})
}
