// DebugInitial: is an object that is freed as its constructor left it? See
// debug.go.

package kmem

import (
	"bytes"
	"fmt"
)

// constructed is what a constructor sets, learned by watching it: the bytes that
// came out the same whatever the memory held and wherever the object was. The
// kernel called the constructor again with a flag and left the checking to it.
type constructed struct {
	bytes []byte // constant
	set   []bool // which of bytes the constructor sets; guarded by the cache's mu
}

// learn runs the constructor four times, and the destructor as often, on memory
// that is given back. What came out alike by chance, such as the upper bytes of
// a counter or of the object's own address, is unlearned when it comes out
// differently: watch.
func learn(c *Cache) (*constructed, error) {
	h, g := c.heap, c.geo
	room := roundUp(g.ObjSize, pageSize) // keeps the alignment of any object
	order := uint(0)
	for pageSize<<order < 2*room {
		order++
	}
	if order > maxBuddy {
		return nil, fmt.Errorf("debug_initial: objects of %d bytes are too large to try the constructor on", g.ObjSize)
	}
	first, err := h.buddy.getPages(order, 0, false)
	if err != nil {
		return nil, err
	}
	defer h.buddy.freePages(first, order)
	var k *constructed
	for _, at := range []uintptr{first << pageShift, first<<pageShift + uintptr(room)} {
		for _, fill := range []byte{0, 0xff} {
			b := h.bytes(at, g.Asked)
			for i := range b {
				b[i] = fill
			}
			c.ctor(h.at(at))
			if k == nil {
				k = &constructed{bytes: bytes.Clone(b), set: make([]bool, len(b))}
				for i := range b {
					k.set[i] = true
				}
			}
			k.compare(b)
			if c.dtor != nil {
				c.dtor(h.at(at))
			}
		}
	}
	return k, nil
}

// compare unlearns what another object was not given.
func (k *constructed) compare(b []byte) {
	for i := range b {
		k.set[i] = k.set[i] && b[i] == k.bytes[i]
	}
}

// watch looks at an object that was just constructed where it is, so that nothing
// is asked of it later that it never had. No lock is held.
func (d *debugCache) watch(obj uintptr) {
	if k := d.constructed; k != nil {
		d.c.lockQuiet()
		k.compare(d.c.heap.bytes(obj, len(k.bytes)))
		d.c.unlock()
	}
}

// checkConstructed compares an object with what the constructor sets. The caller
// holds mu.
func (d *debugCache) checkConstructed(obj uintptr) damage {
	k := d.constructed
	if k == nil {
		return damage{}
	}
	b := d.c.heap.bytes(obj, len(k.bytes))
	want := bytes.Clone(b)
	k.apply(want)
	return compare(NotConstructed, 0, want, b)
}

// apply writes what the constructor sets. The caller holds mu.
func (k *constructed) apply(b []byte) {
	for i, set := range k.set {
		if set {
			b[i] = k.bytes[i]
		}
	}
}
