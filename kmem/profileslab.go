// Slabs of sampled objects. Their pages have the owner of the cache with a bit
// more, so that a free of such an object leaves the fast path, which pays nothing
// for the profile. See profile.go for which objects are sampled.

package kmem

// take returns an object of a slab for samples, 0 when there is none left. The
// caller holds the cache's mu.
func (p *cacheProfile) take() uintptr {
	c, l := p.c, &p.lists
	off := l.group[slabsPartial].head
	if off == 0 {
		off = l.group[slabsFree].head
	}
	if off == 0 {
		return 0
	}
	var one [1]addr
	s := c.heap.slab(off)
	s.take(one[:], c.base, c.objSize)
	l.freeObjects--
	p.regroup(s, off)
	return one[0].above(c.base)
}

// regroup moves a slab to the list where it belongs.
func (p *cacheProfile) regroup(s *slab, off uintptr) {
	group := uint8(slabsPartial)
	switch s.inuse {
	case 0:
		group = slabsFree
	case p.c.num:
		group = slabsFull
	}
	if group != s.group {
		p.lists.remove(off)
		p.lists.push(group, off)
	}
}

// grow adds a slab for samples. It asks nobody for memory: a sample is not worth
// that. No lock is held.
func (p *cacheProfile) grow() error {
	c := p.c
	colour, _ := c.nextColour()
	first, err := c.heap.buddy.getPages(uint(c.geo.Order), 0, false)
	if err != nil {
		return err
	}
	off, err := c.makeSlab(first, colour, 0)
	if err != nil {
		return err
	}
	c.construct(off)
	c.heap.setOwner(first, uint(c.geo.Order), c.id|ownerSample)
	c.lock()
	c.checkGrown(off)
	p.lists.append(slabsFree, off)
	p.lists.freeObjects += int(c.num)
	c.stats.grown++
	c.unlock()
	return nil
}

// owns reports whether off is the offset of a sampled object.
func (p *cacheProfile) owns(off uintptr) bool {
	f := p.c.frame
	f.end, f.id = p.c.heap.end.Load(), f.id|ownerSample
	return f.owns(f.base + addr(off))
}

// free frees obj if it is a sampled one, and says whether another one
// shall take its place. One empty slab stays. No lock is held.
func (p *cacheProfile) free(obj addr) (freed, again bool) {
	c := p.c
	off := obj.above(c.base)
	if !p.owns(off) {
		return false, false
	}
	c.lock()
	if !p.owns(off) { // the slab went, so the object was free
		c.unlock()
		return false, false
	}
	slabOff := uintptr(*c.heap.slabOf(off >> pageShift))
	s := c.heap.slab(slabOff)
	i := c.index(s, off)
	if s.has(i) {
		c.unlock()
		c.doubleFree(obj)
	}
	again = p.forget(off)
	s.put(i)
	p.lists.freeObjects++
	p.regroup(s, slabOff)
	var v victims
	if s.inuse == 0 && p.lists.group[slabsFree].n > 1 {
		p.takeSlab(slabOff, &v)
	}
	c.unlock()
	c.endOf(v)
	return true, again
}

// takeFree moves all free slabs to the victims. The caller holds mu.
func (p *cacheProfile) takeFree(v *victims) {
	for off := p.lists.group[slabsFree].head; off != 0; off = p.lists.group[slabsFree].head {
		p.takeSlab(off, v)
	}
}

// takeSlab moves a free slab to the victims.
func (p *cacheProfile) takeSlab(off uintptr, v *victims) {
	p.lists.remove(off)
	p.lists.freeObjects -= int(p.c.num)
	p.c.leaving.Add(1)
	v.add(p.c.heap.slab(off), off)
}

// out counts the objects that are allocated. The caller holds mu.
func (p *cacheProfile) out() int {
	return p.lists.slabs()*int(p.c.num) - p.lists.freeObjects
}
