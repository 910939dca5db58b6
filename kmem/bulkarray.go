// Bulks in an array cache: taken from its top, looked at, and put on it. See
// bulk.go.

package kmem

import "slices"

// makeRoom flushes an array until n objects fit, at most half of its limit. The
// caller owns a.
func (c *Cache) makeRoom(a *arrayCache, n int, v *victims) (twice addr) {
	for int(a.avail)+n > int(a.limit) && twice == 0 {
		contended := c.lock()
		a.adapt(false, contended)
		a.flushed = true
		c.stir()
		batch := a.oldest(min(int(a.avail), max(a.perBatch(), int(a.avail)+n-int(a.limit))))
		moved := c.shared.put(batch)
		if moved == 0 {
			moved, twice = c.freeBlock(batch, v)
		}
		c.stats.flushes++
		c.unlock()
		a.dropOldest(moved)
	}
	return twice
}

// popBulk moves objects from the top to dst and returns how many.
func (a *arrayCache) popBulk(dst []Pointer) int {
	n := 0
	if a.hot != 0 && len(dst) > 0 {
		dst[0] = a.hot.pointer()
		a.hot, n = 0, 1
	}
	if a.under != 0 && len(dst) > n {
		dst[n] = a.under.pointer()
		a.under = 0
		n++
	}
	k := min(len(dst)-n, int(a.avail))
	if k == 0 {
		return n
	}
	left := int(a.avail) - k
	copy(dst[n:], a.entries.pointers(left, k))
	a.avail = uint32(left)
	return n + k
}

// pushBulk puts objects on top; there is room. It returns the number of the
// first pointer that is no object of the cache, and has then pushed none. An
// object that is freed twice in a row is pushed once and returned.
func (a *arrayCache) pushBulk(objs []Pointer) (bad int, twice addr) {
	if len(objs) == 0 {
		return 0, 0
	}
	dst := a.entries.slice(int(a.avail), len(objs))
	bad, twice = a.check(dst, objs)
	if bad < len(objs) {
		return bad, 0
	}
	if twice != 0 {
		dst = slices.Compact(dst)
	}
	n := len(dst)
	if a.freedLast(dst[0]) {
		twice, n = dst[0], copy(dst, dst[1:])
	}
	if n > 0 { // the last one shall be in a hot slot
		last := dst[n-1]
		if dst[n-1] = a.under; a.under == 0 {
			n--
		}
		a.under = last
	}
	a.avail += uint32(n)
	return bad, twice
}

// ownsAll looks at objects that go straight to their slabs. The slabs see for
// themselves what was freed twice.
func (a *arrayCache) ownsAll(objs []Pointer) (bad int) {
	var buf [bulkChunk]addr
	for bad < len(objs) {
		chunk := buf[:min(len(objs)-bad, bulkChunk)]
		n, _ := a.check(chunk, objs[bad:][:len(chunk)])
		if bad += n; n < len(chunk) {
			break
		}
	}
	return bad
}

// check copies objects to dst and returns how many it did: all, unless one is no
// object of the cache. dst and objs are of one length. It also returns an object
// that follows itself.
func (a *arrayCache) check(dst []addr, objs []Pointer) (n int, twice addr) {
	if n, twice = a.checkBelowEnd(dst, objs); n == len(objs) {
		return n, twice
	}
	a.look()
	return a.checkBelowEnd(dst, objs)
}

// checkBelowEnd is check for where the end of the heap was last seen.
func (a *arrayCache) checkBelowEnd(dst []addr, objs []Pointer) (n int, twice addr) {
	// What is computed with in registers, what is compared with in memory: there
	// are not registers for all.
	base, pages, mul := a.base, a.pages, a.divide.mul
	last := addr(0)
	dst = dst[:len(objs)]
	for i, p := range objs {
		obj := addr(p)
		off := obj.above(base)
		if off >= a.end {
			return i, 0
		}
		pg := pageAt(pages, off>>pageShift)
		if pg.owner != a.id || uint64(pg.rel(off))*mul >= a.divide.span {
			return i, 0
		}
		if obj == last {
			twice = obj
		}
		dst[i], last = obj, obj
	}
	return len(objs), twice
}
