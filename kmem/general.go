// General caches: memory by size instead of by type. What kmalloc is to the
// kernel. A layer over the walk in doc.go.

package kmem

import (
	"fmt"
	"math/bits"
	"sync/atomic"
)

// generals are the general caches of a heap, made when they are first wanted.
type generals struct {
	sizes  []int                     // constant; rising
	small  [smallGeneral/8 + 1]uint8 // constant; class by size in words, rounded up
	caches []atomic.Pointer[Cache]   // by class
}

// smallGeneral is the size up to which classes are looked up in a table. Above
// it they are powers of two.
const smallGeneral = 256

// init sets up the classes of a layout.
func (g *generals) init(l Layout) {
	g.sizes = l.generalSizes()
	g.caches = make([]atomic.Pointer[Cache], len(g.sizes))
	class := 0
	for i := range g.small {
		if i*8 > g.sizes[class] {
			class++
		}
		g.small[i] = uint8(class)
	}
}

// class returns the number of the smallest class that holds size bytes.
func (g *generals) class(size int) int {
	if size <= smallGeneral {
		return int(g.small[(size+7)/8])
	}
	return int(g.small[smallGeneral/8]) + bits.Len(uint(size-1)) - bits.Len(smallGeneral-1)
}

// max is the largest size there is.
func (g *generals) max() int { return g.sizes[len(g.sizes)-1] }

// general returns the cache of a class.
func (h *Heap) general(class int) (*Cache, error) {
	g := &h.generals
	if c := g.caches[class].Load(); c != nil {
		return c, nil
	}
	size := g.sizes[class]
	return h.ownCache(&g.caches[class], fmt.Sprintf("size-%d", size), size, HWCacheAlign)
}

// Malloc returns size bytes that hold anything, from the smallest general cache
// that has them: 32, 64, 128, 192, 256 and the powers of two up to 131072. They
// are aligned to a cache line or, when they are smaller, to their class; in
// [LayoutNative] the powers of two are aligned to themselves. A size of 0 is
// legal and takes the smallest class.
//
// The error wraps [ErrNoMemory], or says that the size is impossible. Any
// goroutine may call it, inside sections too.
func (h *Heap) Malloc(size int) (Pointer, error) {
	if size < 0 || size > h.generals.max() {
		return nil, fmt.Errorf("kmem: Malloc of %d bytes from heap %q: legal are 0 to %d", size, h.name, h.generals.max())
	}
	c, err := h.general(h.generals.class(size))
	if err != nil {
		return nil, fmt.Errorf("kmem: Malloc of %d bytes from heap %q: %w", size, h.name, err)
	}
	if p := c.Alloc(); p != nil {
		return p, nil
	}
	return c.TryAlloc()
}

// Free gives back what [Heap.Malloc] returned, or an object of any other cache of
// the heap. Nil is nothing. Any goroutine may call it. It panics when p is no
// object of the heap, and over a double free as [Cache.Free] does.
func (h *Heap) Free(p Pointer) {
	if p != nil {
		h.mustOwn("Free", p).Free(p)
	}
}

// FreeDeferred is [Cache.FreeDeferred] for what [Heap.Free] takes.
func (h *Heap) FreeDeferred(p Pointer) {
	if p != nil {
		h.mustOwn("FreeDeferred", p).FreeDeferred(p)
	}
}

// mustOwn returns the cache of p.
func (h *Heap) mustOwn(op string, p Pointer) *Cache {
	c := h.CacheOf(p)
	if c == nil {
		why := "foreign pointer"
		if h.Contains(p) {
			why = "the page belongs to no cache: double free, or a pointer that was never allocated"
		}
		panic(fmt.Sprintf("kmem: %s of %p in heap %q: %s", op, p, h.name, why))
	}
	return c
}

// UsableSize is how many bytes the object at p has for its user: what the size
// was rounded up to. It is 0 for nil, and panics when p is no object of the heap.
func (h *Heap) UsableSize(p Pointer) int {
	if p == nil {
		return 0
	}
	c := h.mustOwn("UsableSize", p)
	if err := c.Validate(p); err != nil {
		panic(fmt.Sprintf("kmem: UsableSize of %p in heap %q: %v", p, h.name, err))
	}
	return c.usable()
}

// usable is how many bytes of an object are its user's.
func (c *Cache) usable() int {
	if c.geo.Flags&(RedZone|StoreUser) != 0 || c.sampler != nil && c.sampler.guards != nil {
		return c.geo.Asked // behind them stands a guard
	}
	return c.geo.ObjSize
}
