// What a heap can be told about finding the bugs of its users. See debug.go and
// guard.go for how.

package kmem

import (
	"math/bits"
	"time"
)

// DebugOptions are how a heap looks for the bugs of its users. The zero value
// looks for nothing but what every free does.
type DebugOptions struct {
	// All makes the heap a debug build: every cache gets [Poison], unless it has
	// [DestroyByRCU], and [RedZone] and [StoreUser], unless they would carry a
	// large object over a power of two. It costs each call a microsecond or two.
	All bool
	// GuardPages makes every page that belongs to no slab fault at once, and free
	// objects that are whole pages of a cache with [Poison] as well. Each slab
	// that is made or destroyed costs a system call more.
	GuardPages bool
	// Corrupted is given each report of damage, instead of a panic with it. The
	// damage is repaired where it can be, and the call goes on. It is called with
	// no lock held, on the goroutine that found the damage.
	Corrupted func(*CorruptionError)

	// GuardEvery and GuardInterval sample allocations: of those that find an array
	// empty every so many, or at most one in such a time, gets pages of its own
	// between pages that fault, as do its own from the free on. It is cheap enough
	// to be always on; an interval of 100 ms is usual. [ExplainFault] tells what a
	// fault there means. Objects larger than a page are not sampled. There are 255
	// samples at once at most, a page each, beside the limit of the heap. Both zero:
	// none; both set: both must allow it.
	GuardEvery    int
	GuardInterval time.Duration
}

// forcedFlags are what a debug build adds to the flags of a cache: guards unless
// they carry a large object over a power of two, and poison unless readers may
// look at free objects.
func forcedFlags(size int, o CacheOptions) Flags {
	const words = 3 * 8
	var f Flags
	if size < pageSize || bits.Len(uint(size-1)) == bits.Len(uint(size-1+words)) {
		f |= RedZone | StoreUser
	}
	if o.Flags&DestroyByRCU == 0 {
		f |= Poison
	}
	return f
}

// Audit looks at every object of a cache with debug flags, free and allocated, and
// returns a report for each that is damaged now. It repairs nothing. Any goroutine
// may call it; it holds the cache's lock all the while.
func (c *Cache) Audit() (bad []*CorruptionError) {
	if c.debug == nil {
		return nil
	}
	c.lock()
	defer c.unlock()
	c.eachSlab(func(s *slab) { bad = append(bad, c.debug.look("Audit", s)...) })
	return bad
}
