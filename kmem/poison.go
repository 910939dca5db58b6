// Patterns in objects: one while they are free, which must not change, another
// when they are handed out. See debug.go.

package kmem

import (
	"bytes"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

// The patterns of 2.6.9.
const (
	poisonFree  = 0x6b // every byte of a free object ...
	poisonFresh = 0x5a // every byte of an object just allocated ...
	poisonEnd   = 0xa5 // ... but the last
)

// poison is how the objects of a cache are filled. Constant.
type poison struct {
	free, fresh []byte // whole objects; nil without the flag
	// inaccessible says that free objects are not filled but made to fault:
	// pages of their own on a heap with GuardPages.
	inaccessible bool
}

func newPoison(h *Heap, g Geometry) poison {
	if g.Flags&Poison == 0 {
		return poison{}
	}
	fill := func(b byte) []byte {
		p := bytes.Repeat([]byte{b}, roundUp(g.Asked, g.Layout.Word))
		p[len(p)-1] = poisonEnd
		return p
	}
	p := poison{free: fill(poisonFree), fresh: fill(poisonFresh)}
	p.inaccessible = h.debug.GuardPages && mmap.GuardsAreCheap() && !mmap.HeapBacked &&
		g.OffSlab && g.ObjSize%pageSize == 0 && (g.Colours <= 1 || g.ColourOff%pageSize == 0)
	return p
}

// poisonFree fills an object that is free from now on.
func (d *debugCache) poisonFree(obj uintptr) {
	switch h := d.c.heap; {
	case d.poison.free == nil:
	case d.poison.inaccessible:
		if err := h.buddy.region.Guard(obj, uintptr(d.c.geo.ObjSize)); err != nil {
			copy(h.bytes(obj, len(d.poison.free)), d.poison.free)
		}
	default:
		copy(h.bytes(obj, len(d.poison.free)), d.poison.free)
	}
}

// poisonFresh fills an object that is handed out.
func (d *debugCache) poisonFresh(obj uintptr) error {
	if d.poison.free == nil {
		return nil
	}
	h := d.c.heap
	if d.poison.inaccessible {
		if err := h.buddy.region.Unguard(obj, uintptr(d.c.geo.ObjSize)); err != nil {
			return err
		}
	}
	copy(h.bytes(obj, len(d.poison.fresh)), d.poison.fresh)
	return nil
}

// checkPoison looks whether a free object was written.
func (d *debugCache) checkPoison(obj uintptr) damage {
	if d.poison.free == nil || d.poison.inaccessible {
		return damage{}
	}
	return compare(PoisonOverwritten, 0, d.poison.free, d.c.heap.bytes(obj, len(d.poison.free)))
}
