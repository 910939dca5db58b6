// A cache: its life from NewCache to Destroy. What happens in between is the
// walk in doc.go.

package kmem

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// CacheOptions are what a new cache may be told beside its name and size. The
// zero value is a cache of words without a constructor.
type CacheOptions struct {
	// Align is the alignment of objects in bytes, a power of two up to the page
	// size; 0 leaves it to the flags.
	Align int
	// Flags are the create flags.
	Flags Flags
	// Ctor constructs the object at p. It runs once per object when a slab is
	// made, not once per allocation, with no lock held, on whichever goroutine
	// needed the slab. It must not use the cache that it constructs for. If it
	// panics, the slab is given up and the panic goes on to the caller of Alloc.
	Ctor func(p Pointer)
	// FixedArrays keeps array caches at the limits of 2.6.9, instead of letting
	// them grow where their owner swings between allocating and freeing many
	// objects, or hands them on to others, and shrink where it does not; the
	// shared array keeps its limit, too. [Cache.Tune] sets other limits.
	FixedArrays bool
	// NoLeases makes goroutines that are no emulated CPU borrow an array cache by
	// its token each time, also one that borrows the same again and again.
	NoLeases bool
	// Dtor undoes the work of Ctor. It runs once per object when a slab ends,
	// with no lock held, on whichever goroutine gave the slab up; with [Poison],
	// at each free. It must not use the cache. If it panics, the slabs end all
	// the same, with objects left undone, and the panic goes on. It needs a Ctor,
	// and is refused with [DestroyByRCU].
	Dtor func(p Pointer)
}

// Cache hands out objects of one size from slabs of its own. Its methods are
// safe for concurrent use.
type Cache struct {
	// Constant. The end in frame is not used: that of the heap is.
	frame
	heap    *Heap
	objSize uintptr

	// Constant.
	name     string
	flags    Flags
	geo      Geometry
	ctor     func(Pointer)
	dtor     func(Pointer)
	descs    *Cache                 // of the descriptors; nil when they stand on the slabs
	slots    slots                  // array caches of any goroutine; each has its own token; the table grows
	inner    bool                   // holds descriptors and the like for others
	noLeases bool                   // slots are borrowed by their tokens alone: lease.go
	aside    bool                   // some objects go beside the arrays: aside.go
	debug    *debugCache            // nil without debug flags
	own      *atomic.Pointer[Cache] // where the heap keeps a cache that it made for itself
	sampler  *sampler               // nil when nothing is sampled

	leases, recalls atomic.Uint64 // slots let, and leases that ended

	// owners guards who owns an array cache: the table of handles, and draining.
	// It is taken before mu and before a slot's token.
	owners  sync.Mutex
	locals  []*Local // by CPU number; nil where there is none
	spreads int      // of keys over slots, in a row: lease.go

	_ [24]byte // so that mu begins a cache line: offsets_unsafe.go

	// mu guards the slab layer, all below. It is taken before the heap's page
	// lock.
	mu     sync.Mutex
	shared sharedArray // with mu on one line
	stats  counters    // and these two on the next
	stirs  stirs

	// Read in each trip, and rarely written.
	state        cacheState
	limit        int // of a new array cache
	batch        int // of it that moves at a time
	sharedFactor int // batches that the shared array takes
	maxLimit     int // what arrays may grow to
	freeLimit    int
	colourNext   int
	idle         int // slabs destroyed for the limit since the last growth

	lists slabLists

	deferral  atomic.Pointer[deferral] // objects to be freed later; nil until the first
	limbo     atomic.Int64             // slabs that wait for their grace period
	destroyed atomic.Uint64            // slabs ever
	leaving   atomic.Int64             // slabs on no list that are not destroyed yet
}

type cacheState uint8

const (
	cacheLive cacheState = iota
	cacheDead
)

// NewCache makes a cache of objects of size bytes. The error says what was
// asked for and what is legal, or wraps [ErrExists] or [ErrClosed]; with the
// flag [Panic] it panics with that error instead. The name is for people and
// unique in the heap.
func (h *Heap) NewCache(name string, size int, o CacheOptions) (*Cache, error) {
	c, err := h.newCache(name, size, o)
	if err != nil {
		err = fmt.Errorf("kmem: NewCache %q: %w", name, err)
		if o.Flags&Panic != 0 {
			panic(err)
		}
	}
	return c, err
}

func (h *Heap) newCache(name string, size int, o CacheOptions) (*Cache, error) {
	if name == "" || strings.ContainsAny(name, " \t\n") {
		return nil, fmt.Errorf("the name must be non-empty and without spaces")
	}
	if o.Flags&CacheDMA != 0 && h.parent == nil {
		return h.newDMACache(name, size, o)
	}
	c, err := h.buildCache(name, size, o)
	if err != nil {
		return nil, err
	}
	if err := h.add(c); err != nil {
		return nil, err
	}
	return c, nil
}

// buildCache checks what was asked for and makes a cache that is on no list yet.
func (h *Heap) buildCache(name string, size int, o CacheOptions) (*Cache, error) {
	if h.debug.All {
		o.Flags |= forcedFlags(size, o)
	}
	if err := checkFlags(o.Flags, o.Ctor != nil, o.Dtor != nil); err != nil {
		return nil, err
	}
	geo, err := h.layout.runGeometry(size, o.Align, o.Flags)
	if err != nil {
		return nil, err
	}
	c := makeCache(h, name, geo, o)
	if err := c.setAside(); err != nil {
		return nil, err
	}
	return c, nil
}

// makeCache makes a cache that is on no list yet.
func makeCache(h *Heap, name string, geo Geometry, o CacheOptions) *Cache {
	c := &Cache{
		frame: frame{base: addr(h.base), pages: h.pages, num: uint32(geo.Num), divide: newReciprocal(uint32(geo.ObjSize), uint32(geo.Num))},
		heap:  h, name: name, flags: o.Flags, geo: geo, ctor: o.Ctor, dtor: o.Dtor,
		objSize: uintptr(geo.ObjSize),
	}
	c.lists.h = h
	c.slots.set(newSlots(slotCount()))
	c.limit, c.batch, c.maxLimit, c.sharedFactor = geo.Limit, geo.Batch, geo.Limit, geo.SharedFactor
	c.shared.limit = c.baseShared()
	if !o.FixedArrays && !h.asked.FixedArrays {
		c.maxLimit = max(geo.Limit, min(maxLimit, maxFreeBytes/4/geo.ObjSize))
	}
	c.freeLimit = c.baseFreeLimit()
	c.noLeases = o.NoLeases || h.asked.NoLeases || !canLease()
	return c
}

// Name returns the name that the cache was made with.
func (c *Cache) Name() string { return c.name }

// Heap returns the heap that the cache is on.
func (c *Cache) Heap() *Heap {
	if c.heap.parent != nil {
		return c.heap.parent
	}
	return c.heap
}

// Geometry returns where objects lie on the cache's slabs.
func (c *Cache) Geometry() Geometry { return c.geo }

// Flags returns the create flags.
func (c *Cache) Flags() Flags { return c.flags }

// baseFreeLimit is the number of free objects that the slabs may hold before
// empty slabs are destroyed at once, as in 2.6.9.
func (c *Cache) baseFreeLimit() int {
	g := c.geo
	g.Batch = c.batch
	return g.FreeLimit(len(c.slots.s))
}

const (
	// maxFreeBytes bounds what the free limit can grow to; arrays can grow to a
	// quarter of it.
	maxFreeBytes = 16 << 20
	// maxLimit bounds the entries that an array grows to.
	maxLimit = 32768
)

// swing is called when the cache grows. When it destroyed slabs since it grew
// last it is swinging, and the free limit doubles: a slab that is kept costs a
// twentieth of one that is made again. Shrink takes the limit back.
func (c *Cache) swing() {
	if c.idle > 0 {
		c.freeLimit = min(2*c.freeLimit, max(c.baseFreeLimit(), maxFreeBytes/c.geo.ObjSize))
		c.idle = 0
	}
}

// lock takes mu and counts the trip, and whether it met somebody.
func (c *Cache) lock() {
	if !c.mu.TryLock() {
		c.mu.Lock()
		c.stats.contended++
	}
	c.stats.trips++
}

// unlock checks the lists where invariants are on, and releases mu.
func (c *Cache) unlock() {
	if invariant.Enabled {
		c.recount()
	}
	c.mu.Unlock()
}

// Shrink drains all array caches of the cache, destroys its free slabs, and
// gives free pages of the heap back to the system. What is in the two hot
// slots of each emulated CPU stays; see [Local.Flush]. It returns the number of
// slabs destroyed; with [DestroyByRCU] their pages are in limbo when it returns.
// Any goroutine may call it, not from a constructor. It waits for owners that
// are inside Alloc or Free.
func (c *Cache) Shrink() int {
	v := c.drain("Shrink")
	c.lock()
	c.takeFree(&v)
	c.freeLimit, c.idle = c.baseFreeLimit(), 0
	c.unlock()
	c.destroySlabs(v)
	c.heap.driveLimbo() // pages that come home now are next to each other
	c.heap.buddy.trim()
	return v.n
}

// takeFree moves all free slabs to the victims.
func (c *Cache) takeFree(v *victims) {
	free := c.lists.of(slabsFree)
	for i := range free {
		for free[i].n > 0 {
			c.doom(free[i].head, v)
		}
	}
	if c.sampler != nil && c.sampler.profile != nil {
		c.sampler.profile.takeFree(v)
	}
}

// doom moves a slab with all its objects on it from its list to the victims,
// which somebody hands to destroySlabs after the unlock. The caller holds mu.
func (c *Cache) doom(off uintptr, v *victims) {
	l := &c.lists
	l.remove(off)
	l.freeObjects -= int(c.num)
	c.leaving.Add(1)
	v.add(l.h.slab(off), off)
}
