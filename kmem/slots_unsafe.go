// Array caches of any goroutine: a slot is borrowed by a token for the length
// of one call. Stops 1 and 6 of the walk in doc.go start here.

package kmem

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// slot is an array cache that belongs to whoever holds its token.
//
// A goroutine can be preempted with a token in hand, so nobody waits for one: a
// busy slot is passed over for the next. One that the same goroutine borrows all
// the time keeps its token taken and has a lease: lease.go.
type slot struct {
	token uint32 // 1 while somebody owns the slot
	tenancy
	arrayCache
}

// slots is a table of slots, a power of two of them. It grows with GOMAXPROCS.
// Borrowers read mask and then first, which are written in the other order, so
// that there are never fewer slots than they think.
type slots struct {
	first unsafe.Pointer // of s, for indexing without a bounds check
	mask  uintptr
	s     []slot // guarded by the cache's owners and mu: written under both
}

// slotCount is four slots per processor, so that goroutines rarely meet.
func slotCount() int { return min(1<<bits.Len(uint(4*runtime.GOMAXPROCS(0)-1)), 64) }

// newSlots makes slots that are not bound to a cache yet.
func newSlots(n int) []slot {
	s := make([]slot, n)
	for i := range s {
		s[i].lease.Store(nobody)
	}
	return s
}

// set makes s the table.
func (t *slots) set(s []slot) {
	t.s = s
	atomic.StorePointer(&t.first, unsafe.Pointer(&s[0]))
	atomic.StoreUintptr(&t.mask, uintptr(len(s)-1))
}

// at returns slot i of the table, modulo the length of it.
func (t *slots) at(i uintptr) *slot {
	i &= atomic.LoadUintptr(&t.mask)
	return (*slot)(unsafe.Add(atomic.LoadPointer(&t.first), i*unsafe.Sizeof(slot{})))
}

// growSlots makes the table fit a larger GOMAXPROCS. The old slots keep their
// tokens for ever, so that whoever still looks there goes on to the new ones.
func (c *Cache) growSlots() {
	c.owners.Lock()
	old, n := c.slots.s, slotCount()
	if n <= len(old) || c.dead() {
		c.owners.Unlock()
		return
	}
	c.recallAll(true)
	s := newSlots(n)
	for i := range s {
		s[i].bind(c)
	}
	c.lock()
	c.slots.set(s)
	c.unlock()
	var v victims
	var twice uintptr
	for i := range old {
		waitFor(old[i].take)
		twice = max(twice, c.empty(&old[i].arrayCache, &v), c.emptyHot(&old[i].arrayCache, &v))
	}
	c.owners.Unlock()
	c.afterFree(v, twice)
}

// take tries to become the owner: one XCHG on amd64, SWPAL on arm64. Pairs with
// the release in giveBack.
func (s *slot) take() bool { return atomic.SwapUint32(&s.token, 1) == 0 }

// giveBack ends the ownership.
func (s *slot) giveBack() {
	if le := s.lease.Load(); le.key == 0 {
		storeRelease(&s.token, 0)
	} else {
		storeRelease(&le.away, 0)
	}
}

// borrow returns a slot that the caller owns until it gives it back.
func (c *Cache) borrow(op string) *slot {
	key := stackKey()
	s := c.slots.at(key)
	if le := s.lease.Load(); plainOwner && le.key == key {
		le.busy = 1 // A: pairs with B in lease.go; no call may come before busy is 0
		if le.recalled|le.away == 0 {
			le.away = 1
			le.busy = 0
			return s
		}
		le.busy = 0
	}
	if s.take() {
		if s.uses++; s.uses>>s.haste < leaseAfter {
			return s
		}
		return c.offer(s, key)
	}
	c.crowded(s)
	return c.borrowNext(key, op)
}

// borrowNext looks for a free slot from number i on. It panics when the cache
// was destroyed, which keeps all tokens.
//
//go:noinline
func (c *Cache) borrowNext(i uintptr, op string) *slot {
	for round := 0; ; round++ {
		for n := uintptr(0); n <= atomic.LoadUintptr(&c.slots.mask); n++ {
			s := c.slots.at(i + n)
			if atomic.LoadUint32(&s.token) == 0 && s.take() {
				return s
			}
		}
		c.waitDrain(op) // all are taken: most likely a drainer has them
		if round < 10 {
			runtime.Gosched()
		} else {
			time.Sleep(50 * time.Microsecond)
		}
	}
}
