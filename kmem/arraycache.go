// An array cache: the objects that one owner has at hand. Stops 1, 2, 6 and 7
// of the walk in doc.go.

package kmem

import "github.com/slabrcu/slabrcu/smp"

// arrayCache is a stack of free objects with a hot slot on top. Entries are
// offsets, plain words: no write barrier, and nothing for the collector to see.
//
// It has one owner at a time, an emulated CPU ([Local]) or the holder of a
// [slot]'s token, and nobody else touches it.
type arrayCache struct {
	hot     uintptr   // the object freed last; 0 is none
	under   uintptr   // the object below it, the top of entries; 0 is none
	frame             // the cache's, at hand
	cache   *Cache    // constant
	avail   uint32    // entries in use
	batch   uint32    // entries moved by a refill or a flush
	touched bool      // used since the reaper looked
	popping bool      // the last call that missed the hot slot was a pop
	entries []uintptr // len is the limit

	busy   uint32 // of a [Local]: written by the owner
	stolen uint32 // of a [Local]: written by drainers, under the cache's owners
	cpu    int    // of a [Local]: constant
	_      [smp.LinePad]byte
}

// bind makes a the empty array cache of an owner in c. Its entries come with
// the first refill or flush, since most slots of most caches are never used.
func (a *arrayCache) bind(c *Cache) {
	a.frame, a.cache, a.batch = c.frame, c, uint32(c.geo.Batch)
}

// ready makes room for the entries.
func (a *arrayCache) ready() {
	if a.entries == nil {
		a.entries = make([]uintptr, a.cache.geo.Limit)
	}
}

// setAvail changes the number of entries and looks up the new top.
func (a *arrayCache) setAvail(n int) {
	a.avail, a.under = uint32(n), 0
	if n > 0 && n <= len(a.entries) {
		a.under = a.entries[n-1]
	}
}

// pop returns an object, or 0 when there is none. From the second time in a row
// it also fills the hot slot, so that every other allocation of a long run costs
// no call; not before, so that a free can follow into the empty slot.
func (a *arrayCache) pop() uintptr {
	if off := a.hot; off != 0 {
		a.hot = 0
		return off
	}
	off, n := a.under, int(a.avail)
	if n > 1 && n <= len(a.entries) && a.popping {
		a.hot = a.entries[n-2]
		n--
	}
	a.popping = true
	a.setAvail(max(n-1, 0))
	return off
}

// push takes an object and reports whether there was room. From the second time
// in a row it also empties the hot slot, as pop fills it.
func (a *arrayCache) push(off uintptr) bool {
	if a.hot == 0 {
		a.hot = off
		return true
	}
	n := int(a.avail)
	room := len(a.entries) - n
	if room == 0 {
		return false
	}
	a.entries[n] = a.hot
	a.hot = off
	if room > 1 && !a.popping {
		n++
		a.entries[n] = off
		a.hot = 0
	}
	a.popping = false
	a.setAvail(n + 1)
	return true
}

// freedLast reports whether off is on top: the double free that is seen at once.
func (a *arrayCache) freedLast(off uintptr) bool { return a.hot == off || a.under == off }

// dropOldest removes the n entries that have been here longest.
func (a *arrayCache) dropOldest(n int) {
	copy(a.entries, a.entries[n:a.avail])
	a.setAvail(int(a.avail) - n)
}

// sharedArray holds objects between the array caches and the slabs, so that
// what one CPU frees another can take without touching a slab. Guarded by the
// cache's mu.
type sharedArray struct {
	avail   int
	touched bool // used since the reaper looked
	entries []uintptr
}

// take moves objects from the top to dst and returns how many.
func (s *sharedArray) take(dst []uintptr) int {
	n := min(len(dst), s.avail)
	s.avail -= n
	copy(dst, s.entries[s.avail:s.avail+n])
	s.touched = true
	return n
}

// put moves as many objects from src as there is room for and returns how many.
func (s *sharedArray) put(src []uintptr) int {
	n := copy(s.entries[s.avail:], src)
	s.avail += n
	return n
}
