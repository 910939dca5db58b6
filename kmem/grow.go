// Growth: a new slab, from pages to constructed objects. Stops 4 and 5 of the
// walk in doc.go.

package kmem

import (
	"context"
	"runtime/trace"
)

// grow adds one slab to the cache, for an owner of that home. The colour is chosen under the lock; pages,
// descriptor and constructors come with no lock held and no array owned. The
// error wraps [ErrNoMemory], and then nothing has changed. Under pressure it may
// find objects elsewhere and add nothing.
func (c *Cache) grow(home uint8) error {
	if trace.IsEnabled() {
		defer trace.StartRegion(context.Background(), "kmem.Grow").End()
	}
	colour, more := c.nextColour()
	first, err := c.heap.buddy.getPages(uint(c.geo.Order), home, more)
	if err != nil {
		if first, err = c.underPressure(home, err); first == 0 {
			return err
		}
	}
	off, err := c.makeSlab(first, colour, home)
	if err != nil {
		if c.makeDo() { // the search for a descriptor brought them home
			return nil
		}
		return err
	}
	if c.debug != nil {
		c.debug.construct(off)
	} else {
		c.construct(off)
	}
	c.lock()
	c.checkGrown(off)
	c.lists.append(slabsFree+home, off)
	c.lists.freeObjects += int(c.num)
	c.lists.starved = false
	c.stats.grown++
	c.swing()
	c.stir()
	c.unlock()
	return nil
}

// checkGrown panics when the cache ended while a slab was made, which goes. The caller
// holds mu.
func (c *Cache) checkGrown(off uintptr) {
	if c.state == cacheDead {
		c.unlock()
		c.destruct(off, 0)
		c.releaseSlab(off)
		c.usedAfterDestroy("Alloc")
	}
}

// nextColour returns the offset of the next slab's colour in bytes, and whether the cache
// grows beyond slabs that are full. A colour is used up even if there are no pages then.
func (c *Cache) nextColour() (colour uintptr, more bool) {
	c.lock()
	defer c.unlock()
	n := c.colourNext
	if c.colourNext++; c.colourNext >= c.geo.Colours {
		c.colourNext = 0
	}
	return uintptr(n * c.geo.ColourOff), c.lists.group[slabsFull].n > 0
}

// makeSlab puts a descriptor over pages for a home, from number first on, on the slab or
// off it, and returns its offset. It gives the pages back when it fails.
func (c *Cache) makeSlab(first, colour uintptr, home uint8) (uintptr, error) {
	h := c.heap
	start := first<<pageShift + colour
	off, mem := start, start
	if c.descs == nil {
		mem += uintptr(c.geo.MgmtSize)
	} else {
		p, err := c.newDesc(first)
		if err != nil {
			return 0, err
		}
		off = h.offset(p)
	}
	s := h.slab(off)
	s.next, s.prev, s.home, s.land = 0, 0, uint32(home), home
	s.mem, s.page = uint64(mem), uint32(first)
	s.fill(int(c.num))
	h.claim(first, uint(c.geo.Order), c.id, off, mem)
	return off, nil
}

// newDesc allocates a descriptor for the pages from number first on. It gives the
// pages back when there is none, and when a shrinker panics on the way.
func (c *Cache) newDesc(first uintptr) (p Pointer, err error) {
	defer func() {
		if p == nil {
			c.heap.buddy.freePages(first, uint(c.geo.Order))
		}
	}()
	return c.descs.TryAlloc()
}

// construct runs the constructor over all objects of a new slab, in order. When
// it panics the slab is given up before the panic goes on.
func (c *Cache) construct(off uintptr) {
	if c.ctor == nil {
		return
	}
	done := uint32(0)
	defer func() {
		if done < c.num {
			defer c.releaseSlab(off) // also when the destructor panics
			if c.dtor != nil {
				c.eachObject(off, done, c.dtor)
			}
		}
	}()
	mem := uintptr(c.heap.slab(off).mem) + uintptr(c.geo.ObjOffset)
	for i := uintptr(0); i < uintptr(c.num); i++ {
		c.ctor(c.heap.at(mem + i*c.objSize))
		done = uint32(i) + 1
	}
}
