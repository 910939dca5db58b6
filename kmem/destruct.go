// Destructors: the contract of 2004, in which what a constructor did when a slab
// was made is undone when the slab ends. Between stops 9 and 11 of the walk in
// doc.go; never for a slab that goes by RCU.

package kmem

// destruct runs the destructor over all objects of a slab that is about to go, in
// order. When it panics, this slab and those behind it, from next on, go before
// the panic does.
func (c *Cache) destruct(off, next uintptr) {
	if c.dtor == nil || c.destructsAtFree() {
		return
	}
	done := false
	defer func() {
		if !done {
			c.releaseSlab(off)
			c.endSlabs(next)
		}
	}()
	c.eachObject(off, c.num, c.dtor)
	done = true
}

// eachObject calls f with the first n objects of a slab, in order.
func (c *Cache) eachObject(off uintptr, n uint32, f func(Pointer)) {
	first := uintptr(c.heap.slab(off).mem) + uintptr(c.geo.ObjOffset)
	for i := range uintptr(n) {
		f(c.heap.at(first + i*c.objSize))
	}
}

// destructsAtFree says that the destructor runs at each free, as the constructor
// does at each allocation, because poison stands in a free object.
func (c *Cache) destructsAtFree() bool { return c.debug != nil && c.debug.poison.free != nil }

// destruct runs the destructor over an object that is about to be freed, where
// that is due, unless it is free already.
func (d *debugCache) destruct(slot uintptr) {
	c := d.c
	if c.dtor == nil || !c.destructsAtFree() {
		return
	}
	c.lock()
	out := false
	if c.ownsNow(c.base + addr(slot)) {
		s, i := d.find(slot)
		out = !s.has(i)
	}
	c.unlock()
	if out {
		c.dtor(c.heap.at(slot + uintptr(c.geo.ObjOffset)))
	}
}
