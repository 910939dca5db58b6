// Array caches of any goroutine: a slot is borrowed by a token for the length
// of one call. Stops 1 and 6 of the walk in doc.go start here.

package kmem

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/slabrcu/slabrcu/smp"
)

// slot is an array cache that belongs to whoever holds its token.
//
// A goroutine can be preempted with a token in hand, so nobody waits for one: a
// busy slot is passed over for the next. One that the same goroutine borrows all
// the time keeps its token taken and has a lease: lease.go.
type slot struct {
	// Others look at these while a tenant writes to the array.
	token uint32 // 1 while somebody owns the slot
	tenancy
	_ [smp.LinePad]byte

	arrayCache
	_ [80]byte
}

const (
	slotShift = 9
	slotBytes = 1 << slotShift
	_         = uint(unsafe.Sizeof(slot{})-slotBytes) + uint(slotBytes-unsafe.Sizeof(slot{})) // slotBytes is the size of a slot
)

// slots is a table of slots, a power of two of them. It grows with GOMAXPROCS.
// Borrowers read mask and then first, which are written in the other order, so
// that there are never fewer slots than they think.
type slots struct {
	first unsafe.Pointer // of s, for indexing without a bounds check
	mask  uintptr        // of offsets in s
	mult  uintptr        // odd; spreads keys over slots
	s     []slot         // guarded by the cache's owners and mu: written under both
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
	if t.mult == 0 {
		t.spread()
	}
	atomic.StorePointer(&t.first, unsafe.Pointer(&s[0]))
	atomic.StoreUintptr(&t.mask, uintptr(len(s)-1)<<slotShift)
}

// at returns the slot for a key, or the i-th after it. Stacks are powers of two
// apart, and so are keys: the multiplication (Knuth 6.4) spreads them.
func (t *slots) at(key, i uintptr) *slot {
	off := (key*atomic.LoadUintptr(&t.mult)>>(32-slotShift) + i<<slotShift) & atomic.LoadUintptr(&t.mask)
	return (*slot)(unsafe.Add(atomic.LoadPointer(&t.first), off))
}

// spread gives keys other slots.
func (t *slots) spread() { atomic.StoreUintptr(&t.mult, uintptr(rand.Uint64())|1) }

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
		s[i].bind(c, i)
	}
	c.lock()
	c.slots.set(s)
	c.unlock()
	var v victims
	var twice addr
	for i := range old {
		waitFor(old[i].take)
		twice = max(twice, c.empty(&old[i].arrayCache, &v), c.emptyHot(&old[i].arrayCache, &v))
	}
	c.owners.Unlock()
	c.afterFree(v, twice)
}

// letTo returns the lease of a slot: s.lease.Load(), which on amd64 is any load, but
// which the compiler does not join with the addition that finds s.
func (s *slot) letTo() *lease {
	if !plainOwner {
		return s.lease.Load()
	}
	return *(**lease)(unsafe.Pointer(&s.lease))
}

// open reports whether the tenant may use the slot: neither away nor recalled.
func (le *lease) open() bool { return *(*uint64)(unsafe.Pointer(&le.away)) == 0 }

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

// borrow returns a slot that the caller owns until it gives it back. Which one, the mark
// says: one in the frame of Alloc or Free, so that both find the same slot as their slow
// paths did, on whichever side of a multiple of 2 KiB the frames of those lie.
func (c *Cache) borrow(op string, at *mark) *slot {
	key := at.key()
	s := c.slots.at(key, 0)
	le := s.lease.Load()
	if plainOwner && le.key == key {
		le.busy = 1 // A: pairs with B in lease.go; no call may come before busy is 0
		if le.open() {
			le.away = 1
			le.busy = 0
			return s
		}
		le.busy = 0
	}
	if le == nobody && s.take() {
		if s.uses++; s.uses>>s.haste < leaseAfter {
			return s
		}
		return c.offer(s, key)
	}
	c.crowded(s)
	return c.borrowNext(key, op)
}

// borrowNext looks for a free slot behind the key's own. It panics when the cache
// was destroyed, which keeps all tokens.
//
//go:noinline
func (c *Cache) borrowNext(key uintptr, op string) *slot {
	for round := 0; ; round++ {
		for n := uintptr(0); n <= atomic.LoadUintptr(&c.slots.mask)>>slotShift; n++ {
			s := c.slots.at(key, n)
			if atomic.LoadUint32(&s.token) == 0 && s.take() {
				return s
			}
		}
		c.waitDrain(op) // all are taken: a drainer has them,
		s := c.slots.at(key, uintptr(round))
		c.evict(s, s.lease.Load()) // or all are let, to goroutines that may never come again
		if round < 10 {
			runtime.Gosched()
		} else {
			time.Sleep(50 * time.Microsecond)
		}
	}
}
