// What a heap can say about an address: its cache, its object, and how far it is
// known whether that is allocated. Stop 6 of the walk in doc.go asks less.

package kmem

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// ObjectState is what a heap knows about the memory at an address.
type ObjectState uint8

const (
	// ObjectForeign: the address is in none of the heap's pages.
	ObjectForeign ObjectState = iota
	// ObjectUnowned: its page belongs to no cache, now.
	ObjectUnowned
	// ObjectGap: its page is a cache's, and it lies in no object: in a colour, a
	// slab's header, or what is left over.
	ObjectGap
	// ObjectLimbo: it lies in an object of a slab that was destroyed and waits
	// for its grace period. The object was free then.
	ObjectLimbo
	// ObjectFree: it lies in an object that is on its slab.
	ObjectFree
	// ObjectAllocated: it lies in an object that is not on its slab. Free objects
	// that wait in array caches are among these: nobody but their owner can tell.
	ObjectAllocated
)

var objectStates = [...]string{"foreign", "unowned", "gap", "limbo", "free", "allocated"}

// String returns the name in lower case.
func (s ObjectState) String() string {
	if int(s) < len(objectStates) {
		return objectStates[s]
	}
	return fmt.Sprintf("ObjectState(%d)", uint8(s))
}

// Object is what a heap knows about an address at one moment.
type Object struct {
	State  ObjectState
	Cache  *Cache  // nil when foreign or unowned
	Start  Pointer // of the object; nil when the address lies in none
	Index  int     // of the object on its slab
	Offset int     // bytes from Start to the address; negative in a red zone
}

// Inspect tells what lies at p, which may be any address, also one inside an
// object. The answer holds for the moment in which it was made, unless the
// caller has the object. Any goroutine may call it; it takes the lock of the
// cache and the page lock for a moment.
func (h *Heap) Inspect(p Pointer) Object { return h.inspectAt(addr(p)) }

func (h *Heap) inspectAt(a addr) Object {
	if h = h.holder(a); h == nil {
		return Object{}
	}
	off := h.offsetOf(a)
	pg := h.page(off >> pageShift)
	for {
		c := h.ownerOf(atomic.LoadUint32(&pg.owner))
		if c == nil {
			return Object{State: ObjectUnowned}
		}
		if o, ok := c.inspect(pg, off); ok {
			return o
		}
	}
}

// CacheOf returns the cache whose page p lies in, nil when there is none: the
// kernel's virt_to_cache. A page in limbo is still its cache's. Any goroutine
// may call it; it takes no lock.
func (h *Heap) CacheOf(p Pointer) *Cache {
	if h = h.holder(addr(p)); h == nil {
		return nil
	}
	return h.ownerOf(atomic.LoadUint32(&h.page(h.offset(p) >> pageShift).owner))
}

// holder returns the heap that a lies in: h, that of its caches with CacheDMA, or
// nil.
func (h *Heap) holder(a addr) *Heap {
	if h.offsetOf(a) < h.end.Load() {
		return h
	}
	if dma := h.dma.Load(); dma != nil {
		return dma.holder(a)
	}
	return nil
}

// ownerOf returns the cache that the owner word of a page names.
func (h *Heap) ownerOf(owner uint32) *Cache {
	if owner == 0 || owner&ownerFree != 0 {
		return nil
	}
	return h.cacheOf(owner & maxCacheID)
}

// inspect tells what lies at off, on page pg of c. False says that the page has
// changed hands.
//
// Both locks are needed: under the page lock a page that has an owner keeps its
// slab and its descriptor, and under the cache's lock nobody writes the mask. A
// slab that enters limbo meanwhile has its header overlaid, not its mask.
func (c *Cache) inspect(pg *page, off uintptr) (Object, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &c.heap.buddy
	b.mu.Lock()
	defer b.mu.Unlock()
	owner := atomic.LoadUint32(&pg.owner)
	if owner&ownerFree != 0 || owner&maxCacheID != c.id {
		return Object{}, false
	}
	if owner&ownerGuard != 0 {
		return c.heap.guards.inspect(c, off), true
	}
	o := Object{State: ObjectGap, Cache: c}
	rel := int(int32(pg.rel(off))) // from the first slot
	if rel < 0 || rel >= int(c.num)*c.geo.ObjSize {
		return o, true
	}
	o.Index, o.Offset = rel/c.geo.ObjSize, rel%c.geo.ObjSize-c.geo.ObjOffset
	o.Start = c.heap.at(off - uintptr(o.Offset))
	switch {
	case owner&ownerLimbo != 0:
		o.State = ObjectLimbo
	case *c.heap.slab(uintptr(*c.heap.slabOf(off >> pageShift))).word(uintptr(o.Index) >> 6)>>(o.Index&63)&1 != 0:
		o.State = ObjectFree
	default:
		o.State = ObjectAllocated
	}
	return o, atomic.LoadUint32(&pg.owner) == owner
}

// ErrNotObject is what every error of [Cache.Validate] wraps.
var ErrNotObject = errors.New("not an allocated object of the cache")

// Validate says why p is not the start of an allocated object of the cache, or
// nil: the kernel's kmem_ptr_validate, which only said that p might be one. A
// free object that waits in an array cache passes; see [ObjectAllocated]. The
// error wraps [ErrNotObject]. Any goroutine may call it.
func (c *Cache) Validate(p Pointer) error {
	if why := c.whyBad(addr(p)); why != "" {
		return fmt.Errorf("kmem: Validate of %p in cache %q: %w: %s", p, c.name, ErrNotObject, why)
	}
	return nil
}

// whyBad says why there is no object of c at a that may be freed, as far as known,
// or nothing.
func (c *Cache) whyBad(a addr) string {
	if a == 0 {
		return "nil pointer"
	}
	h := c.heap
	o := h.inspectAt(a)
	switch {
	case o.State == ObjectForeign:
		return fmt.Sprintf("foreign pointer, not in heap %q", h.name)
	case o.State == ObjectUnowned:
		return "the page belongs to no cache: double free, or a pointer that was never allocated"
	case o.State == ObjectLimbo && o.Cache == c:
		return "its slab is in limbo: the object was freed before, and its slab was destroyed"
	case o.State == ObjectLimbo:
		return fmt.Sprintf("the page is in limbo and was of cache %q", o.Cache.name)
	case o.Cache != c:
		return fmt.Sprintf("the object belongs to cache %q", o.Cache.name)
	case o.State == ObjectGap:
		return fmt.Sprintf("misaligned pointer: between the slab's objects, which are %d bytes apart and %d to a slab", c.objSize, c.num)
	case o.Offset != 0:
		return fmt.Sprintf("misaligned pointer: %d bytes into the object at %p, objects are %d bytes apart", o.Offset, o.Start, c.objSize)
	case o.State == ObjectFree:
		return "double free: the object is on its slab"
	}
	return ""
}

// Size is the size that the cache was asked for, in bytes: what of an object its
// user may touch.
func (c *Cache) Size() int { return c.geo.Asked }

// ObjectSize is the distance from one object to the next, in bytes, with what
// alignment and guards add.
func (c *Cache) ObjectSize() int { return c.geo.ObjSize }
