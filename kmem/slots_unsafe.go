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
// busy slot is passed over for the next.
type slot struct {
	token uint32 // 1 while somebody owns the slot
	arrayCache
}

// slots is a table of slots, a power of two of them.
type slots struct {
	first *slot // of s, for indexing without a bounds check
	mask  uintptr
	s     []slot
}

// newSlots makes four slots per processor, so that goroutines rarely meet.
func newSlots() slots {
	n := 1 << bits.Len(uint(4*runtime.GOMAXPROCS(0)-1))
	s := make([]slot, min(n, 64))
	return slots{first: &s[0], mask: uintptr(len(s) - 1), s: s}
}

// take tries to become the owner: one XCHG on amd64, SWPAL on arm64. Pairs with
// the release in giveBack.
func (s *slot) take() bool { return atomic.SwapUint32(&s.token, 1) == 0 }

// giveBack ends the ownership.
func (s *slot) giveBack() { storeRelease(&s.token, 0) }

// borrow returns a slot that the caller owns until it gives it back.
func (c *Cache) borrow(op string) *slot {
	i := stackHint() & c.slots.mask
	s := (*slot)(unsafe.Add(unsafe.Pointer(c.slots.first), i*unsafe.Sizeof(slot{})))
	if s.take() {
		return s
	}
	return c.borrowNext(i, op)
}

// borrowNext looks for a free slot from number i on. It panics when the cache
// was destroyed, which keeps all tokens.
func (c *Cache) borrowNext(i uintptr, op string) *slot {
	for round := 0; ; round++ {
		for n := uintptr(0); n <= c.slots.mask; n++ {
			s := &c.slots.s[(i+n)&c.slots.mask]
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
