// An array cache: the objects that one owner has at hand. Stops 1, 2, 6 and 7
// of the walk in doc.go.

package kmem

import "github.com/slabrcu/slabrcu/smp"

// arrayCache is a stack of free objects with two hot slots on top. Entries are
// addresses as plain words: no write barrier, and nothing for the collector to see.
//
// It has one owner at a time, an emulated CPU ([Local]) or the holder of a
// [slot]'s token, and nobody else touches it.
type arrayCache struct {
	hot     addr  // the object freed last; 0 is none
	under   addr  // the object freed before that, above the entries; 0 is none
	frame         // the cache's, at hand
	entries words // the first avail are in use
	avail   uint32
	limit   uint32   // the owner flushes from here on; one or two more may come in
	popping bool     // the last call that missed the hot slots was a pop
	flushed bool     // the last batch was a flush
	home    uint8    // constant; whose magazines, slabs and pages it takes first
	touched uint32   // refilled since the reaper looked; read and cleared from outside, see reapcache.go
	cache   *Cache   // constant
	spare   magazine // an empty one, for the next flush

	busy   uint32 // of a [Local]: written by the owner
	stolen uint32 // of a [Local]: written by drainers, under the cache's owners
	cpu    int    // of a [Local]: constant

	streamed int // objects that went one way through the shared array, in a row
	_        [smp.LinePad]byte
}

// bind makes a the empty array cache of the i-th owner in c. Its entries come with
// the first refill or flush, since most slots of most caches are never used. In
// a debug cache no object is any array's.
func (a *arrayCache) bind(c *Cache, i int) {
	a.frame, a.cache, a.entries, a.home = c.frame, c, noEntries, uint8(i%homes)
	if c.debug != nil {
		a.divide.span = 0
	}
}

// prepare makes the entries of an array that has none. A refill and a flush call it ahead
// of the lock under which adapt gives the array its limit. The caller owns a.
func (a *arrayCache) prepare() {
	if a.entries == noEntries {
		a.entries = makeWords(a.cache.limit + 2)
	}
}

// resize gives the array room for limit entries, and two that a push brings at once. The
// caller owns it; what it holds must fit.
func (a *arrayCache) resize(limit int) {
	old := a.entries
	a.entries, a.spare = makeWords(limit+2), nil
	copy(a.entries.slice(0, int(a.avail)), old.slice(0, int(a.avail)))
	a.limit = uint32(limit)
}

// pop returns the top entry of n, which is avail. The hot slots are empty and n above
// 0. From the second time in a row pop fills the hot slots too, so that a long run of
// allocations mostly finds them full; not before, so that frees can follow into the
// empty slots.
func (a *arrayCache) pop(n uint32) addr {
	n--
	e := a.entries
	obj := *e.at(n)
	if !a.popping {
		a.popping = true
	} else if n > 1 {
		a.hot, a.under = *e.at(n - 1), *e.at(n - 2)
		n -= 2
	}
	a.avail = n
	return obj
}

// push puts obj on top. The hot slots are full and avail is below limit. From
// the second time in a row push empties one of them, as pop fills them.
func (a *arrayCache) push(obj addr) {
	n, e, under := a.avail, a.entries, a.under
	*e.at(n) = under
	if hot := a.hot; a.popping {
		a.popping = false
		a.under, a.hot = hot, obj
	} else {
		n++
		*e.at(n) = hot
		a.under, a.hot = obj, 0
	}
	a.avail = n + 1
}

// freedLast reports whether obj is the object freed last, which stays in a hot
// slot until it is allocated: the double free that is seen at once. The other
// slot is looked at as well.
func (a *arrayCache) freedLast(obj addr) bool { return a.hot == obj || a.under == obj }

// oldest returns the n entries that have been here longest.
func (a *arrayCache) oldest(n int) []addr { return a.entries.slice(0, n) }

// dropOldest removes the n oldest entries.
func (a *arrayCache) dropOldest(n int) {
	if left := int(a.avail) - n; n > 0 {
		copy(a.entries.slice(0, left), a.entries.slice(n, left))
		a.avail = uint32(left)
	}
}
