// Bulk: many objects in one call, all or nothing. Small bulks go through the
// caller's array, large ones straight between what is behind it and the caller's slice:
// stops 1 to 3 and 6 to 8 of the walk in doc.go, a batch at a time.

package kmem

import (
	"fmt"
	"slices"
)

// bulkChunk is how many objects move straight in one trip to the lock.
const bulkChunk = 128

// AllocBulk fills dst with objects, or returns an error that wraps [ErrNoMemory]
// and leaves dst all nil. It is Alloc len(dst) times for a fraction of the cost.
// Only the goroutine that is the handle's CPU may call it.
func (l *Local) AllocBulk(dst []Pointer) error {
	l.enter("AllocBulk")
	n := l.cache.getBulk(l.array(), dst)
	l.leave()
	if n == len(dst) {
		return nil
	}
	return l.cache.allocRest(dst, n, l.home)
}

// AllocBulk is [Local.AllocBulk] for any goroutine. Safe for concurrent use.
func (c *Cache) AllocBulk(dst []Pointer) error {
	var here mark
	s := c.borrow("AllocBulk", &here)
	n := c.getBulk(&s.arrayCache, dst)
	s.giveBack()
	if n == len(dst) {
		return nil
	}
	return c.allocRest(dst, n, s.home)
}

// getBulk moves objects to dst, as many as there are without growing, and
// returns how many. The caller owns a.
func (c *Cache) getBulk(a *arrayCache, dst []Pointer) int {
	if c.debug != nil {
		return 0
	}
	n := a.popBulk(dst)
	if rest := len(dst) - n; rest > 0 && c.suits(a, rest) && c.refill(a) {
		n += a.popBulk(dst[n:])
	}
	for n < len(dst) {
		got := c.takeStraight(dst[n:], a.home)
		if got == 0 {
			break
		}
		n += got
	}
	return n
}

// suits reports whether a bulk of n objects goes through an array rather than past
// it. An array that bulks pass both ways grows until they need not: adapt. The caller
// owns a.
func (c *Cache) suits(a *arrayCache, n int) bool {
	if n > int(a.limit)/2 && n <= c.maxLimit/2 && a.flushed {
		c.lock()
		a.adapt(false)
		c.unlock()
	}
	limit := int(a.limit)
	if limit == 0 {
		limit = c.limit // what a refill gives it
	}
	return n <= limit/2
}

// allocRest fills dst from number n on, with no array owned, growing as needed.
func (c *Cache) allocRest(dst []Pointer, n int, home uint8) error {
	defer func() {
		if n < len(dst) { // there is no memory, or a constructor or a shrinker panicked
			c.FreeBulk(dst[:n])
			clear(dst)
		}
	}()
	for n < len(dst) {
		got, err := c.takeMore(dst[n:], home)
		n += got
		if err != nil {
			return fmt.Errorf("kmem: AllocBulk of %d objects from cache %q: %w", len(dst), c.name, err)
		}
	}
	return nil
}

// takeMore moves objects to dst and returns how many, or it grows the cache.
func (c *Cache) takeMore(dst []Pointer, home uint8) (got int, err error) {
	if c.debug != nil {
		if dst[0], err = c.debug.alloc(); err != nil {
			return 0, err
		}
		return 1, nil
	}
	if got = c.takeStraight(dst, home); got > 0 {
		return got, nil
	}
	return 0, c.grow(home)
}

// takeStraight moves objects from the shared array or the slabs to dst, a chunk
// at most, and returns how many. The home is that of who asks.
func (c *Cache) takeStraight(dst []Pointer, home uint8) int {
	var buf [bulkChunk]addr
	want := buf[:min(len(dst), bulkChunk)]
	c.lock()
	c.checkLive("AllocBulk")
	got := c.takeStacked(want, home)
	c.stats.refills++
	c.unlock()
	if c.sampler != nil {
		c.sampler.count(got)
	}
	for i := range got {
		dst[i] = want[got-1-i].pointer() // taken from the end, for rising addresses
	}
	return got
}

// checkLive panics when the cache is gone. The caller holds mu.
func (c *Cache) checkLive(op string) {
	if c.state == cacheDead {
		c.unlock()
		c.usedAfterDestroy(op)
	}
}

// FreeBulk gives objects back, as Free does one. Pointers are looked at before
// anything is freed: it panics over one that is no object of the cache with all
// of them still allocated. A double free that it meets is reported by a panic
// as well; the others are free then. Only the goroutine that is the handle's CPU
// may call it.
func (l *Local) FreeBulk(objs []Pointer) {
	l.enter("FreeBulk")
	c, a := l.cache, l.array()
	if a.hasRoom(len(objs)) { // giveBulk would do the same: one object 14.4 ns, with this 10.8
		bad, twice := a.pushBulk(objs)
		l.leave()
		if bad < len(objs) || twice != 0 {
			c.afterFreeBulk(objs, bad, victims{}, twice)
		}
		return
	}
	bad, v, twice := c.giveBulk(a, objs)
	l.leave()
	c.afterFreeBulk(objs, bad, v, twice)
}

// FreeBulk is [Local.FreeBulk] for any goroutine. Safe for concurrent use.
func (c *Cache) FreeBulk(objs []Pointer) {
	var here mark
	s := c.borrow("FreeBulk", &here)
	bad, v, twice := c.giveBulk(&s.arrayCache, objs)
	s.giveBack()
	c.afterFreeBulk(objs, bad, v, twice)
}

// afterFreeBulk finishes a FreeBulk with no array owned: objs[bad] is the first
// pointer that is no object of the cache; len(objs) is none.
func (c *Cache) afterFreeBulk(objs []Pointer, bad int, v victims, twice addr) {
	if v.head != 0 || twice != 0 {
		c.afterFree(v, twice)
	}
	if bad < len(objs) {
		if !c.aside {
			c.badFree(addr(objs[bad]))
		}
		c.freeBulkAside(objs)
	}
}

// giveBulk puts objects into an array, after flushes when it is full and they
// are few, or else straight on their slabs. It returns the number of the first
// pointer that is no object of the cache, and has then freed none. The caller
// owns a.
func (c *Cache) giveBulk(a *arrayCache, objs []Pointer) (bad int, v victims, twice addr) {
	if len(objs) <= int(a.limit)/2 && !a.hasRoom(len(objs)) {
		twice = c.flush(a, len(objs), &v)
	}
	if a.hasRoom(len(objs)) {
		bad, again := a.pushBulk(objs)
		return bad, v, max(twice, again)
	}
	var buf [bulkChunk]addr
	bad, again := a.ownsAll(buf[:], objs)
	if bad < len(objs) {
		if a.limit == 0 {
			a.end = 0 // blind, as the reaper left it
		}
		return bad, v, twice
	}
	twice = max(twice, again)
	if a.limit == 0 { // its first use: the next one finds room
		c.lock()
		a.adapt(true)
		c.unlock()
	}
	for n := 0; n < len(objs); n += bulkChunk {
		chunk := buf[:copy(buf[:], addrs(objs[n:]))]
		if again != 0 {
			chunk = slices.Compact(chunk)
		}
		twice = max(twice, c.putStraight(chunk, &v))
	}
	a.flushed, a.streamed = true, 0
	return bad, v, twice
}

// putStraight moves objects to the shared array if that has room, or else to their
// slabs, in one trip. An object that was freed twice does not stop the others.
func (c *Cache) putStraight(objs []addr, v *victims) (twice addr) {
	home := c.homeOf(objs[0])
	c.lock()
	c.stir()
	if !c.shared.add(objs, home, c.batch) {
		for len(objs) > 0 {
			n, t := c.freeBlock(objs, v)
			objs, twice = objs[n:], max(twice, t)
		}
	}
	c.stats.flushes++
	c.unlock()
	return twice
}
