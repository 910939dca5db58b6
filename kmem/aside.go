// Objects that go beside the arrays: all of a debug cache, and samples. The hooks
// in stops 1, 2 and 6 of the walk in doc.go ask here, off the fast paths.

package kmem

// setAside decides whether a cache has such objects. Nobody has seen it yet.
func (c *Cache) setAside() (err error) {
	if c.debug, err = newDebug(c); err != nil {
		return err
	}
	c.aside = c.debug != nil
	return nil
}

// passesBy reports whether the next object does not come from array a, which is
// empty. The caller owns a, leaves it empty, and calls allocAside once it has let
// go of it.
func (c *Cache) passesBy(*arrayCache) bool { return c.debug != nil }

// allocAside returns an object from beside the arrays. Without an error and
// without an object there is none: the cache must grow.
func (c *Cache) allocAside() (Pointer, error) {
	if c.debug != nil {
		return c.debug.alloc()
	}
	return nil, nil
}

// freeAside frees p if it is an object from beside the arrays. No lock is held
// and no array owned.
func (c *Cache) freeAside(p Pointer) bool {
	if c.debug != nil {
		return c.debug.free(p)
	}
	return false
}

// freeBulkAside frees objects of which at least one is from beside the arrays, or
// none of the cache at all, one by one. It panics over the latter before it has
// freed any.
func (c *Cache) freeBulkAside(objs []Pointer) {
	for _, p := range objs {
		o := c.heap.Inspect(p)
		if o.Cache != c || o.Offset != 0 || o.State != ObjectAllocated && o.State != ObjectFree {
			c.badFree(p)
		}
	}
	for _, p := range objs {
		c.Free(p)
	}
}
