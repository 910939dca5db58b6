// Errors for the world and panics for the caller's bug.

package kmem

import (
	"errors"
	"fmt"
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
	Leaks   []Leak // by whom, when the cache has the flag StoreUser
}

// Error names the cache, and who has its objects as far as that is known.
func (e *BusyError) Error() string {
	return fmt.Sprintf("kmem: %s of cache %q: %d objects are still allocated%s", e.Op, e.Name, e.Objects, leakText(e.Leaks))
}

// badFree panics with the reason why obj is no object of c that may be freed.
// It is called when the check on the fast path has failed.
func (c *Cache) badFree(obj addr) {
	c.waitDrain("Free") // a destroyed cache owns no page: say that first
	panic(fmt.Sprintf("kmem: Free of %#x to cache %q: %s", obj, c.name, c.whyBad(obj)))
}

// doubleFree panics over an object that is free already.
func (c *Cache) doubleFree(obj addr) {
	panic(fmt.Sprintf("kmem: Free of %#x to cache %q: double free", obj, c.name))
}

// usedAfterDestroy panics over an operation on a cache that is gone.
func (c *Cache) usedAfterDestroy(op string) {
	panic(fmt.Sprintf("kmem: %s of cache %q after Destroy", op, c.name))
}
