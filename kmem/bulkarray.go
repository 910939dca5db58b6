// Bulks in an array cache: taken from its top, looked at, and put on it. See
// bulk.go.

package kmem

import "slices"

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

// hasRoom reports whether n objects fit.
func (a *arrayCache) hasRoom(n int) bool { return int(a.avail)+n <= int(a.limit) }

// pushBulk puts objects on top; there is room. It returns the number of the
// first pointer that is no object of the cache, and has then pushed none. An
// object that is freed twice in a row is pushed once and returned.
func (a *arrayCache) pushBulk(objs []Pointer) (bad int, twice addr) {
	if len(objs) == 0 {
		return 0, 0
	}
	dst := a.entries.slice(int(a.avail), len(objs))
	if bad = a.check(dst, objs); bad < len(objs) {
		if bad, twice = a.ownsAll(dst, objs); bad < len(objs) {
			return bad, 0
		}
		copy(dst, addrs(objs))
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

// ownsAll looks at objects before any of them is freed. It returns the number of
// the first pointer that is no object of the cache, len(objs) for none, and an
// object that follows itself. It writes to buf, of any length.
func (a *arrayCache) ownsAll(buf []addr, objs []Pointer) (bad int, twice addr) {
	for bad < len(objs) {
		part := objs[bad:][:min(len(objs)-bad, len(buf))]
		n := a.check(buf, part)
		if n == 0 {
			break
		}
		if bad += n; n < len(part) && objs[bad] == objs[bad-1] {
			twice = addr(objs[bad])
		}
	}
	return bad, twice
}

// check copies objects to dst, as many as there are before one that is no object of
// the cache or follows itself, and returns how many. Objects of one slab tend to
// come together: the page is looked at for the first of them, and the others need
// only be at the start of one of the slab's objects.
func (a *arrayCache) check(dst []addr, objs []Pointer) int {
	mul, slabBytes := a.divide.mul, uintptr(a.num)*a.cache.objSize
	dst = dst[:len(objs)]
	for i := 0; i < len(objs); {
		obj := addr(objs[i])
		if !a.owns(obj) {
			if a.look(); !a.owns(obj) {
				return i
			}
		}
		off := uintptr(obj - a.base)
		first := obj - addr(pageAt(a.pages, off>>pageShift).rel(off))
		dst[i] = obj
		for i++; i < len(objs); i++ {
			last := obj
			obj = addr(objs[i])
			rel := uintptr(obj - first)
			if rel >= slabBytes || uint64(rel)*mul >= a.divide.span {
				break
			}
			if obj == last {
				return i
			}
			dst[i] = obj
		}
	}
	return len(objs)
}
