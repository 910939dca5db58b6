// Homes: owners of array caches keep to memory of their own. Beside stops 3 to 5 of
// the walk in doc.go.

package kmem

// homes is how many there are. Each owner of an array has one, and takes objects from
// its slabs first, and pages from its pageblocks, so that owners do not get each other's
// neighbours: a processor's prefetchers run over the end of what it uses and fetch the
// lines of another one, again and again. The kernel has such lists of slabs for each node
// (2.6.14) and, since SLUB, for each CPU (2.6.23, 3.2), and pageblocks to keep what can
// be moved apart from what cannot (2.6.24).
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

// lends reports whether owners may take from the slabs of other homes: these are left to
// them as long as there is memory, and while the objects that lie idle so would fit a
// slab for each home.
func (c *Cache) lends() bool {
	return c.lists.starved || c.lists.freeObjects > homes*int(c.num)
}
