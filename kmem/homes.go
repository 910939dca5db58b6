// Homes: owners of array caches keep to memory of their own. Beside stops 2 to 5 of
// the walk in doc.go.

package kmem

import "sync/atomic"

// homes is how many there are. Each owner of an array has one. It takes magazines and
// slabs of its home first, and pages from its pageblocks, so that owners do not get each
// other's neighbours: a processor's prefetchers run over the end of what it uses and fetch
// the lines of another one, again and again. Where CPUs are far from one another, two that
// shared slabs of eight pages in turns took 15 to 25 % more (Batch10k, Sh6) than with a heap
// each, and take as much now. The kernel has such lists of slabs for each node (2.6.14)
// and, since SLUB, for each CPU (2.6.23, 3.2), and pageblocks to keep what can be moved
// apart from what cannot (2.6.24).
const homes = 8

// source returns the slab that an owner of this home takes from next; 0 is none, and
// then the cache is to grow. Partial slabs of the home come first, then free ones,
// and those of other homes last.
func (c *Cache) source(home uint8) uintptr {
	l := &c.lists
	for i := range uint8(homes) {
		if i == 1 && !c.lends() {
			break
		}
		other := (home + i) % homes
		if off := l.group[slabsPartial+other].head; off != 0 {
			return off
		}
		if off := l.group[slabsFree+other].head; off != 0 {
			l.freeTouched = true
			return off
		}
	}
	return 0
}

// lends reports whether owners may take what is of other homes: this is left to them as
// long as there is memory, and while the objects that lie idle so would fit a slab for
// each home.
func (c *Cache) lends() bool {
	return c.lists.starved || c.lists.freeObjects+c.shared.avail > homes*int(c.num)
}

// homeOf returns the home of who took last from the slab of an object, which the caller
// owns. It needs no lock: the slab stays while such an object is out. A home that changes
// meanwhile (takeBatch) is as good as the one that it was. An object that was freed twice
// may have no slab any more; freeBlock finds that out.
func (c *Cache) homeOf(obj addr) uint8 {
	n := obj.above(c.base) >> pageShift
	if c.heap.pageOwner(n) != c.id {
		return 0
	}
	return uint8(atomic.LoadUint32(&c.heap.slab(uintptr(*c.heap.slabOf(n))).home))
}
