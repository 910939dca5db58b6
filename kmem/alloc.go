// Alloc: an object from the caller's own array cache, or a refill. Stops 1 and
// 2 of the walk in doc.go.

package kmem

// allocArray takes an object from the array.
func (l *Local) allocArray() Pointer {
	if plainOwner {
		l.busy = 1 // A: pairs with B in drain.go
		if l.stolen == 0 && l.avail > 0 {
			off := l.array().pop()
			l.busy = 0
			return at(l.base, off)
		}
		l.busy = 0
	}
	return l.allocSlow()
}

func (l *Local) allocSlow() Pointer {
	for {
		l.enter("Alloc")
		off := l.array().pop()
		if off == 0 && l.cache.refill(l.array()) {
			off = l.array().pop()
		}
		l.leave()
		if off != 0 {
			return at(l.base, off)
		}
		if l.cache.grow() != nil {
			return nil
		}
	}
}

// Alloc is [Local.Alloc] for any goroutine: it borrows the array cache of a
// slot. Safe for concurrent use.
func (c *Cache) Alloc() Pointer {
	s := c.borrow("Alloc")
	off := s.hot
	if off == 0 {
		p, _ := c.allocSlow(s)
		return p
	}
	s.hot = 0
	s.giveBack()
	return at(s.base, off)
}

// TryAlloc is Alloc that tells why it failed: the error wraps [ErrNoMemory] and
// names the heap and its limit.
func (c *Cache) TryAlloc() (Pointer, error) {
	return c.allocSlow(c.borrow("Alloc"))
}

// allocSlow allocates with the borrowed slot s and gives it back.
func (c *Cache) allocSlow(s *slot) (Pointer, error) {
	for {
		off := s.pop()
		if off == 0 && c.refill(&s.arrayCache) {
			off = s.pop()
		}
		s.giveBack()
		if off != 0 {
			return at(c.base, off), nil
		}
		if err := c.grow(); err != nil {
			return nil, err
		}
		s = c.borrow("Alloc")
	}
}

// refill moves a batch of objects into an empty array, from the shared array or
// from the slabs, and reports whether there were any. The caller owns a.
func (c *Cache) refill(a *arrayCache) bool {
	a.ready()
	n := int(a.batch)
	if !a.touched {
		n = min(n, refillUntouched)
	}
	c.lock()
	got := c.shared.take(a.entries[:n])
	if got == 0 {
		got = c.takeBatch(a.entries[:n])
		copy(a.entries, a.entries[n-got:n])
	}
	c.stats.refills++
	c.unlock()
	a.touched = true
	a.setAvail(got)
	return got > 0
}

// refillUntouched bounds the refill of an array that nobody used since the
// reaper drained it, so that objects do not bounce (BATCHREFILL_LIMIT).
const refillUntouched = 16
