// The check that every free makes. Stop 6 of the walk in doc.go.

package kmem

// frame is what tells the objects of a cache from any other address: seventeen
// instructions, and of memory only the page's descriptor. Array caches keep a
// copy beside their entries. All fields but end are constant.
type frame struct {
	base   addr       // the heap's
	pages  Pointer    // the heap's page descriptors
	end    uintptr    // bytes from base to the end of the pages in use, when last looked at
	id     uint32     // the cache's, owner of its pages
	num    uint32     // objects on a slab
	divide reciprocal // by their size; in the arrays of a debug cache it finds none
}

// owns reports whether a is the address of an object of the cache: inside the
// heap, on a page of the cache, at an object's start. It tells nothing about
// whether the object is allocated. False may also mean that end is too old.
func (f *frame) owns(a addr) bool {
	off := uintptr(a - f.base)
	if off >= f.end {
		return false
	}
	p := pageAt(f.pages, off>>pageShift)
	return p.owner == f.id && f.divide.starts(p.rel(off))
}

// index returns the number of the object of slab s that starts at off.
func (f *frame) index(s *slab, off uintptr) uint32 {
	return f.divide.index(uint32(off - uintptr(s.mem)))
}

// rel turns an offset on page p into one from the slab's first object.
func (p *page) rel(off uintptr) uint32 { return uint32(off) - p.first }
