// The end of a cache: everything home, or an error that says what is not. It leads
// to stops 8 to 11 of the walk in doc.go.

package kmem

// Destroy waits for the objects given to FreeDeferred, drains all array caches,
// destroys all slabs, and waits until their pages and all that refers to the
// cache are gone: with [DestroyByRCU] for a barrier over the callbacks, because
// those of other CPUs outlast one grace period. Objects that are still out are a [*BusyError], and the cache stays
// usable. It must not be called inside a read-side section. It panics when the
// cache was destroyed before.
func (c *Cache) Destroy() error {
	c.BarrierDeferred()
	c.owners.Lock()
	if c.dead() {
		c.owners.Unlock()
		c.usedAfterDestroy("Destroy")
	}
	v, twice := c.steal()
	out, killed := 0, false
	if twice == 0 {
		out, twice = c.kill(&v)
		killed = out == 0
	}
	if !killed {
		c.restore()
	}
	c.owners.Unlock()
	if killed {
		defer c.bury() // when a destructor panics, too
	}
	c.afterFree(v, twice)
	if out > 0 {
		return &BusyError{Op: "Destroy", Name: c.name, Objects: out, Leaks: c.Leaks()}
	}
	return nil
}

// bury waits for what a dead cache has left, and forgets it.
func (c *Cache) bury() {
	c.awaitVictims()
	if c.flags&DestroyByRCU != 0 {
		c.heap.domain.Barrier()
	}
	c.heap.remove(c)
}

// awaitVictims returns when all slabs that left their lists are destroyed, or in
// limbo: whoever took the last ones, in a Free or as the reaper, may be on the
// way still.
func (c *Cache) awaitVictims() {
	waitFor(func() bool { return c.leaving.Load() == 0 })
}

// out counts the objects that are still allocated, once all arrays are stolen:
// those on no slab and in no hot slot of a CPU. The caller holds mu.
func (c *Cache) out() int {
	out := c.outAside() + c.lists.slabs()*int(c.num) - c.lists.freeObjects
	for _, l := range c.locals {
		if l != nil {
			out -= l.array().inSlots()
		}
	}
	return out
}

// kill ends a cache whose objects are all home, or returns how many are out. From here on
// the array caches stay stolen, and whoever comes is told that the cache is gone. Counted
// and ended under one hold of mu: others take objects off slabs with no array.
func (c *Cache) kill(v *victims) (out int, twice addr) {
	c.lock()
	defer c.unlock()
	if out = c.out(); out > 0 {
		return out, 0
	}
	for _, l := range c.locals {
		if l != nil {
			twice = max(twice, c.freeHot(l.array(), v))
		}
	}
	c.takeFree(v)
	c.state = cacheDead
	return 0, twice
}

// dead reports whether the cache was destroyed.
func (c *Cache) dead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == cacheDead
}
