// The slab lists of a cache, and the two movements between them and an array of
// objects. Stops 3 and 8 of the walk in doc.go.

package kmem

import "sync/atomic"

// The groups of slab.group, one list each. Of free and partial slabs there is one for
// each home: that of home 0, and the others follow.
const (
	slabsFull    = 0                    // no object on the slab
	slabsFree    = 1                    // all: of the home that it was made for
	slabsPartial = slabsFree + homes    // some: of the home that took from it last
	slabGroups   = slabsPartial + homes // how many groups there are
)

// slabList is a doubly linked list of slabs by their offsets.
type slabList struct {
	head, tail uintptr
	n          int
	low        int // the least that n was since the reaper looked
}

// slabLists are the lists of one cache. All fields are guarded by its mu.
type slabLists struct {
	h           *Heap // constant
	group       [slabGroups]slabList
	freeObjects int  // on partial and free slabs
	freePeak    int  // the most that freeObjects was since the reaper looked
	freeTouched bool // a free list was used since the reaper looked
	starved     bool // the cache could not grow: owners take from any home
}

// of returns the lists of all homes from first on, [slabsFree] or [slabsPartial].
func (l *slabLists) of(first int) []slabList { return l.group[first : first+homes] }

// count is how many slabs those lists have.
func (l *slabLists) count(first int) (n int) {
	for _, g := range l.of(first) {
		n += g.n
	}
	return n
}

// slabs is how many slabs there are.
func (l *slabLists) slabs() int {
	return l.group[slabsFull].n + l.count(slabsFree) + l.count(slabsPartial)
}

// push puts s at the head of its new group.
func (l *slabLists) push(group uint8, off uintptr) {
	s, g := l.h.slab(off), &l.group[group]
	s.group, s.prev, s.next = group, 0, uint64(g.head)
	if g.head != 0 {
		l.h.slab(g.head).prev = uint64(off)
	} else {
		g.tail = off
	}
	g.head = off
	g.n++
}

// append puts s at the tail of its new group.
func (l *slabLists) append(group uint8, off uintptr) {
	s, g := l.h.slab(off), &l.group[group]
	s.group, s.next, s.prev = group, 0, uint64(g.tail)
	if g.tail != 0 {
		l.h.slab(g.tail).next = uint64(off)
	} else {
		g.head = off
	}
	g.tail = off
	g.n++
}

// remove takes s off its group.
func (l *slabLists) remove(off uintptr) {
	s := l.h.slab(off)
	g := &l.group[s.group]
	if s.prev != 0 {
		l.h.slab(uintptr(s.prev)).next = s.next
	} else {
		g.head = uintptr(s.next)
	}
	if s.next != 0 {
		l.h.slab(uintptr(s.next)).prev = s.prev
	} else {
		g.tail = uintptr(s.prev)
	}
	g.n--
	g.low = min(g.low, g.n)
}

// takeBatch moves up to len(dst) objects from the slabs to the end of dst, and returns
// how many. The slabs are of this home then. A slab moves only when its group changes.
func (c *Cache) takeBatch(dst []addr, home uint8) int {
	l, left := &c.lists, len(dst)
	for left > 0 {
		off := c.source(home)
		if off == 0 {
			break
		}
		s := l.h.slab(off)
		n := s.take(dst[:left], c.base, c.objSize)
		left -= n
		l.freeObjects -= n
		if s.home != uint32(home) {
			atomic.StoreUint32(&s.home, uint32(home))
		}
		group := slabsPartial + home
		if s.inuse == c.num {
			group = slabsFull
		}
		if group != s.group {
			l.remove(off)
			l.push(group, off)
		}
	}
	return len(dst) - left
}

// freeBlock puts objects back on their slabs and returns how many it handled.
// Slabs that become empty beyond the limit are moved to victims, for
// [Cache.destroySlabs] after the unlock. It stops behind an object that is on
// its slab already, or whose slab has gone, as a free one's can, and returns that as
// well; 0 is none.
func (c *Cache) freeBlock(objs []addr, v *victims) (done int, twice addr) {
	if len(objs) == 0 {
		return 0, 0
	}
	l := &c.lists
	c.stir()
	for done < len(objs) && twice == 0 {
		n := objs[done].above(c.base) >> pageShift
		if l.h.pageOwner(n) != c.id {
			return done + 1, objs[done]
		}
		off := uintptr(*l.h.slabOf(n))
		s := l.h.slab(off)
		before := s.inuse
		// Objects of one slab tend to come together: regroup once for all.
		for ; done < len(objs) && twice == 0; done++ {
			at := objs[done].above(c.base)
			if uintptr(*l.h.slabOf(at >> pageShift)) != off {
				break
			}
			if !s.put(c.index(s, at)) {
				twice = objs[done]
			}
		}
		l.freeObjects += int(before - s.inuse)
		l.freePeak = max(l.freePeak, l.freeObjects)
		c.regroup(s, off, v)
	}
	return done, twice
}

// regroup moves a slab that got objects back to the list where it belongs now,
// or to the victims. A slab that turns partial goes to the tail of its home's list:
// the longer it waits, the more of its other objects come back.
func (c *Cache) regroup(s *slab, off uintptr, v *victims) {
	l := &c.lists
	switch {
	case s.inuse == 0:
		if l.freeObjects > c.freeLimit {
			c.doom(off, v)
			c.idle++
		} else {
			l.remove(off)
			l.push(slabsFree+s.land, off)
		}
	case s.group == slabsFull:
		l.remove(off)
		l.append(slabsPartial+uint8(s.home), off)
	}
}
