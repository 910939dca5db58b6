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
	hot     uintptr // the object freed last; 0 is none
	under   uintptr // the object below it, the top of entries; 0 is none
	frame           // the cache's, at hand
	entries words   // 1 to avail are in use; entry 0 is always 0
	avail   uint32
	limit   uint32 // the owner flushes from here on; one or two more may come in
	popping bool   // the last call that missed the hot slot was a pop
	flushed bool   // the last batch was a flush
	touched uint32 // refilled since the reaper looked; read and cleared from outside, see reapcache.go
	cache   *Cache // constant

	busy   uint32 // of a [Local]: written by the owner
	stolen uint32 // of a [Local]: written by drainers, under the cache's owners
	cpu    int    // of a [Local]: constant
	_      [smp.LinePad]byte
}

// bind makes a the empty array cache of an owner in c. Its entries come with
// the first refill or flush, since most slots of most caches are never used. In
// a debug cache no object is any array's.
func (a *arrayCache) bind(c *Cache) {
	a.frame, a.cache, a.entries = c.frame, c, noEntries
	if c.debug != nil {
		a.divide.span = 0
	}
}

// resize gives the array room for limit entries, and one or two more. The
// caller owns it; what it holds must fit.
func (a *arrayCache) resize(limit int) {
	old := a.entries
	a.entries = makeWords(limit + 3)
	copy(a.entries.slice(0, int(a.avail)+1), old.slice(0, int(a.avail)+1))
	a.limit = uint32(limit)
}

// pop returns the top entry. The hot slot is empty and avail above 0. From the
// second time in a row pop fills the hot slot too, so that every other
// allocation of a long run costs no call; not before, so that a free can follow
// into the empty slot.
func (a *arrayCache) pop() uintptr {
	off, n := a.under, a.avail-1
	if a.popping && n > 0 {
		a.hot = *a.entries.at(n)
		n--
	}
	a.popping = true
	a.under = *a.entries.at(n)
	a.avail = n
	return off
}

// push puts the hot slot's object under off. The hot slot is full and avail
// below limit. From the second time in a row push empties the hot slot, as pop
// fills it.
func (a *arrayCache) push(off uintptr) {
	n := a.avail + 1
	*a.entries.at(n) = a.hot
	a.hot = off
	if !a.popping {
		n++
		*a.entries.at(n) = off
		a.hot = 0
	}
	a.popping = false
	a.under = *a.entries.at(n)
	a.avail = n
}

// freedLast reports whether off is on top: the double free that is seen at once.
func (a *arrayCache) freedLast(off uintptr) bool { return a.hot == off || a.under == off }

// oldest returns the n entries that have been here longest.
func (a *arrayCache) oldest(n int) []uintptr { return a.entries.slice(1, n) }

// dropOldest removes the n oldest entries.
func (a *arrayCache) dropOldest(n int) {
	if left := int(a.avail) - n; n > 0 {
		copy(a.entries.slice(1, left), a.entries.slice(1+n, left))
		a.setAvail(left)
	}
}

// setAvail changes the number of entries and looks up the new top.
func (a *arrayCache) setAvail(n int) {
	a.avail, a.under = uint32(n), *a.entries.at(uint32(n))
}

// sharedArray holds objects between the array caches and the slabs, so that
// what one CPU frees another can take without touching a slab. Guarded by the
// cache's mu.
type sharedArray struct {
	avail   int
	low     int  // the least that avail was since the reaper looked
	touched bool // used since the reaper looked
	entries []uintptr
}

// take moves objects from the top to dst and returns how many.
func (s *sharedArray) take(dst []uintptr) int {
	n := min(len(dst), s.avail)
	s.avail -= n
	s.low = min(s.low, s.avail)
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

// dropOldest removes the n objects that have been here longest.
func (s *sharedArray) dropOldest(n int) {
	copy(s.entries, s.entries[n:s.avail])
	s.avail -= n
	s.low = min(s.low, s.avail)
}
