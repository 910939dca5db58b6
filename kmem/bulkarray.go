// Bulks in an array cache: taken from its top, looked at, and put on it. See
// bulk.go.

package kmem

import "slices"

// makeRoom flushes an array until n objects fit, at most half of its limit. The
// caller owns a.
func (c *Cache) makeRoom(a *arrayCache, n int, v *victims) (twice uintptr) {
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
		dst[0] = at(a.base, a.hot)
		a.hot, n = 0, 1
	}
	if a.under != 0 && len(dst) > n {
		dst[n] = at(a.base, a.under)
		a.under = 0
		n++
	}
	k := min(len(dst)-n, int(a.avail))
	if k == 0 {
		return n
	}
	base, left := a.base, int(a.avail)-k
	dst = dst[n:][:k]
	for i, off := range a.entries.slice(left, k) {
		dst[i] = at(base, off)
	}
	a.avail = uint32(left)
	return n + k
}

// pushBulk puts objects on top; there is room. It returns the number of the
// first pointer that is no object of the cache, and has then pushed none. An
// object that is freed twice in a row is pushed once and returned.
func (a *arrayCache) pushBulk(objs []Pointer) (bad int, twice uintptr) {
	if len(objs) == 0 {
		return 0, 0
	}
	dst := a.entries.slice(int(a.avail), len(objs))
	bad, twice = a.offsets(dst, objs)
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
	var buf [bulkChunk]uintptr
	for bad < len(objs) {
		chunk := buf[:min(len(objs)-bad, bulkChunk)]
		n, _ := a.offsets(chunk, objs[bad:][:len(chunk)])
		if bad += n; n < len(chunk) {
			break
		}
	}
	return bad
}

// offsets turns objects into offsets and returns how many it did: all, unless
// one is no object of the cache. dst and objs are of one length. It also returns
// an object that follows itself.
func (a *arrayCache) offsets(dst []uintptr, objs []Pointer) (n int, twice uintptr) {
	if n, twice = a.offsetsBelowEnd(dst, objs); n == len(objs) {
		return n, twice
	}
	a.look()
	return a.offsetsBelowEnd(dst, objs)
}

// offsetsBelowEnd is offsets for where the end of the heap was last seen.
func (a *arrayCache) offsetsBelowEnd(dst []uintptr, objs []Pointer) (n int, twice uintptr) {
	// What is computed with in registers, what is compared with in memory: there
	// are not registers for all.
	base, pages, mul := a.base, a.pages, a.divide.mul
	last := uintptr(0)
	dst = dst[:len(objs)]
	for i, p := range objs {
		off := offset(base, p)
		if off >= a.end {
			return i, 0
		}
		pg := pageAt(pages, off>>pageShift)
		if pg.owner != a.id || uint64(pg.rel(off))*mul >= a.divide.span {
			return i, 0
		}
		if off == last {
			twice = off
		}
		dst[i], last = off, off
	}
	return len(objs), twice
}
