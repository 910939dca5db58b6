// Alloc: an object from the caller's own array cache, or a refill. Stops 1 and
// 2 of the walk in doc.go.

package kmem

import (
	"context"
	"runtime/trace"
)

// allocArray takes an object from the slot under the hot one, or from the array.
// It is for no profile to inline, as the slow functions of other paths: in the
// loop of its caller it takes registers from the fast path.
//
//go:noinline
func (l *Local) allocArray() Pointer {
	if plainOwner {
		if obj := l.under; obj != 0 {
			l.under = 0
			return obj.pointer()
		}
		l.busy = 1 // A: pairs with B in drain.go
		if l.stolen == 0 {
			if n := l.avail; n > 0 { // read after stolen, or a drainer could end in between
				obj := l.array().pop(n)
				l.busy = 0
				return obj.pointer()
			}
		}
		l.busy = 0
	}
	return l.allocSlow()
}

func (l *Local) allocSlow() Pointer {
	for {
		l.enter("Alloc")
		obj := l.cache.get(l.array())
		l.leave()
		if obj != 0 {
			return obj.pointer()
		}
		if p, err := l.cache.more(l.home); p != nil || err != nil {
			return p
		}
	}
}

// Alloc is [Local.Alloc] for any goroutine: it borrows the array cache of a
// slot. Safe for concurrent use.
func (c *Cache) Alloc() Pointer {
	var here mark
	key := here.key()
	s := c.slots.at(key, 0)
	if le := s.letTo(); plainOwner && le.key == key {
		le.busy = 1 // A: pairs with B in lease.go; no call may come before busy is 0
		if le.open() {
			if obj := s.hot; obj != 0 {
				s.hot = 0
				le.busy = 0
				return obj.pointer()
			}
			if obj := s.under; obj != 0 {
				s.under = 0
				le.busy = 0
				return obj.pointer()
			}
			if n := s.avail; n > 0 {
				obj := s.pop(n)
				le.busy = 0
				return obj.pointer()
			}
		}
		le.busy = 0
	}
	return c.allocBorrowed(&here)
}

// allocBorrowed is Alloc with a slot that is not let to the caller, or one that
// is empty.
//
//go:noinline
func (c *Cache) allocBorrowed(at *mark) Pointer {
	s := c.borrow("Alloc", at)
	obj := s.hot
	if obj == 0 {
		p, _ := c.allocSlow(s, at)
		return p
	}
	s.hot = 0
	s.giveBack()
	return obj.pointer()
}

// TryAlloc is Alloc that tells why it failed: the error wraps [ErrNoMemory] and
// names the heap and its limit.
func (c *Cache) TryAlloc() (Pointer, error) {
	var here mark
	return c.allocSlow(c.borrow("Alloc", &here), &here)
}

// allocSlow allocates with the slot s that was borrowed at a mark, and gives it back.
//
//go:noinline
func (c *Cache) allocSlow(s *slot, at *mark) (Pointer, error) {
	for {
		obj := c.get(&s.arrayCache)
		s.giveBack()
		if obj != 0 {
			return obj.pointer(), nil
		}
		if p, err := c.more(s.home); p != nil || err != nil {
			return p, err
		}
		if !s.take() { // the same one: after a move of the stack the mark shows another, of another home
			s = c.borrow("Alloc", at)
		}
	}
}

// more is for who finds array and slabs empty: an object from beside them, or
// growth and then another try. No array is owned.
func (c *Cache) more(home uint8) (Pointer, error) {
	if c.aside {
		if p, due, err := c.allocAside(); due {
			return p, err
		}
	}
	return nil, c.grow(home)
}

// get takes an object out of an array, after a refill when it is empty. 0 says
// that the cache must grow. The caller owns a.
func (c *Cache) get(a *arrayCache) addr {
	if obj := a.hot; obj != 0 {
		a.hot = 0
		return obj
	}
	if obj := a.under; obj != 0 {
		a.under = 0
		return obj
	}
	if a.avail == 0 && !c.refill(a) {
		return 0
	}
	return a.pop(a.avail)
}

// refill moves a batch of objects into an empty array, from the shared array or
// from the slabs, and reports whether there were any. The caller owns a.
func (c *Cache) refill(a *arrayCache) bool {
	if c.aside && c.passesBy() {
		return false
	}
	if trace.IsEnabled() {
		defer trace.StartRegion(context.Background(), "kmem.Refill").End()
	}
	a.prepare()
	c.lock()
	a.adapt(false)
	n := c.perBatch(int(a.limit))
	if a.touched == 0 {
		n = min(n, refillUntouched)
	}
	dst := a.oldest(n)
	before := c.shared.avail
	mag := c.shared.swap(n, a.home, a.spare)
	got := len(mag)
	if got == 0 {
		got = c.takeStacked(dst, a.home)
	}
	a.passes(before - c.shared.avail)
	c.stats.refills++
	c.unlock()
	if mag != nil {
		copy(dst, mag)
		a.spare = mag[:0]
	}
	a.touched = 1
	a.avail = uint32(got)
	if c.sampler != nil {
		c.sampler.count(got)
	}
	return got > 0
}

// takeStacked moves objects to dst and returns how many: those of its home, from the
// shared array or from the slabs, or else any from the shared array. The caller holds mu.
func (c *Cache) takeStacked(dst []addr, home uint8) int {
	got := c.shared.take(dst, home)
	if got == 0 {
		got = c.takeBatch(dst, home)
		copy(dst, dst[len(dst)-got:])
	}
	if got == 0 && c.lends() {
		got = c.shared.take(dst, anyHome)
	}
	return got
}

// refillUntouched bounds the refill of an array that nobody used since the
// reaper drained it, so that objects do not bounce (BATCHREFILL_LIMIT).
const refillUntouched = 16
