// Invariants: what must hold whenever a cache's lock is released.

package kmem

import "github.com/slabrcu/slabrcu/internal/invariant"

// recountMax bounds the slabs that a recount walks, so that the invariants lane
// stays usable with large caches.
const recountMax = 64

// recount walks the lists of a cache and checks them against the free masks.
// The caller holds mu.
func (c *Cache) recount() {
	total, all := 0, true
	for group := range uint8(slabGroups) {
		g := &c.lists.group[group]
		n, prev := 0, uintptr(0)
		off := g.head
		for ; off != 0 && n < recountMax; n++ {
			s := c.heap.slab(off)
			total += c.checkSlab(s, off, prev, group)
			prev, off = off, uintptr(s.next)
		}
		if off != 0 {
			all = false
			continue
		}
		invariant.Check(n == g.n, "cache %s: list %d has %d slabs, counted %d", c.name, group, g.n, n)
		invariant.Check(g.tail == prev, "cache %s: list %d ends at %#x, tail is %#x", c.name, group, prev, g.tail)
	}
	if all {
		invariant.Check(total == c.lists.freeObjects, "cache %s: %d free objects, counted %d", c.name, c.lists.freeObjects, total)
	}
	shared := 0
	for i, s := range c.shared.mags {
		m := s.magazine
		invariant.Check(len(m) > 0 == (i < int(c.shared.full)), "cache %s: %d objects in magazine %d, where %d are full", c.name, len(m), i, c.shared.full)
		shared += len(m)
	}
	invariant.Check(shared == c.shared.avail && shared <= c.shared.limit, "cache %s: shared array holds %d of %d, counted %d", c.name, c.shared.avail, c.shared.limit, shared)
}

// checkSlab checks one slab of a group and returns how many objects are on it.
func (c *Cache) checkSlab(s *slab, off, prev uintptr, group uint8) int {
	free := s.free()
	invariant.Check(s.group == group, "cache %s: slab %#x of group %d is on list %d", c.name, off, s.group, group)
	invariant.Check(uintptr(s.prev) == prev, "cache %s: slab %#x: prev is %#x, want %#x", c.name, off, s.prev, prev)
	invariant.Check(free+int(s.inuse) == int(c.num), "cache %s: slab %#x: %d in use and %d free of %d", c.name, off, s.inuse, free, c.num)
	want := slabsPartial + uint8(s.home)
	switch s.inuse {
	case 0:
		want = slabsFree + s.land
	case c.num:
		want = slabsFull
	}
	invariant.Check(group == want, "cache %s: slab %#x with %d of %d in use is on list %d", c.name, off, s.inuse, c.num, group)
	owner, at := c.heap.page(uintptr(s.page)).owner, *c.heap.slabOf(uintptr(s.page))
	invariant.Check(owner == c.id && uintptr(at) == off, "cache %s: slab %#x: its page belongs to owner %#x, slab %#x", c.name, off, owner, at)
	return free
}
