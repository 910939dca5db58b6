// Errors for the world and panics for the caller's bug.

package kmem

import (
	"errors"
	"fmt"
	"sync/atomic"
)

var (
	// ErrNoMemory says that a heap could not get the pages for a new slab: its
	// limit is reached, its reservation is used up, or the system refused.
	ErrNoMemory = errors.New("kmem: no memory")
	// ErrExists says that a heap has a cache of that name already.
	ErrExists = errors.New("kmem: cache exists")
	// ErrClosed says that the heap is closed.
	ErrClosed = errors.New("kmem: heap is closed")
)

// BusyError says that a cache could not be destroyed, or a heap not be closed,
// because objects are still out. The cache stays usable.
type BusyError struct {
	Op      string // "Destroy" or "Close"
	Name    string // of the cache
	Objects int    // still allocated
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("kmem: %s of cache %q: %d objects are still allocated", e.Op, e.Name, e.Objects)
}

// badFree panics with the reason why off is no object of c that may be freed.
// It is called when the check on the fast path has failed.
func (c *Cache) badFree(p Pointer) {
	c.waitDrain("Free") // a destroyed cache owns no page: say that first
	panic(fmt.Sprintf("kmem: Free of %p to cache %q: %s", p, c.name, c.whyBad(p)))
}

func (c *Cache) whyBad(p Pointer) string {
	h := c.heap
	off := h.offset(p)
	if p == nil {
		return "nil pointer"
	}
	if off >= h.end.Load() {
		return fmt.Sprintf("foreign pointer, not in heap %q", h.name)
	}
	pg := h.page(off >> pageShift)
	owner := atomic.LoadUint32(&pg.owner)
	switch {
	case owner == c.id|ownerLimbo:
		return "its slab is in limbo: the object was freed before, and its slab was destroyed"
	case owner&ownerLimbo != 0:
		return fmt.Sprintf("the page is in limbo and was of cache %q", h.cacheName(owner&^ownerLimbo))
	case owner == 0 || owner&ownerFree != 0:
		return "the page belongs to no cache: double free, or a pointer that was never allocated"
	case owner != c.id:
		return fmt.Sprintf("the object belongs to cache %q", h.cacheName(owner))
	}
	rel := int64(int32(pg.delta)) + int64(off&(pageSize-1))
	return fmt.Sprintf("misaligned pointer: %d bytes from the slab's first object, objects are %d bytes apart and %d to a slab", rel, c.objSize, c.num)
}

// doubleFree panics over an object that is free already.
func (c *Cache) doubleFree(off uintptr) {
	panic(fmt.Sprintf("kmem: Free of %p to cache %q: double free", c.heap.at(off), c.name))
}

// usedAfterDestroy panics over an operation on a cache that is gone.
func (c *Cache) usedAfterDestroy(op string) {
	panic(fmt.Sprintf("kmem: %s of cache %q after Destroy", op, c.name))
}
