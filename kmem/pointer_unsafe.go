// Pointers in and out of a heap: base plus offset, never a number turned
// pointer. See doc.go for why.

package kmem

import (
	"unsafe"

	"github.com/slabrcu/slabrcu/urcu"
)

// Pointer is the address of an object: unsafe.Pointer by a name that keeps the
// import of unsafe in the files that need it. It may stand in any Go variable
// and must not be stored in off-heap memory; see [Ref] for that.
type Pointer = unsafe.Pointer

// addr is the address of an object as a plain word; 0 is none. Array caches hold
// such words: they are stored without write barriers, and the collector has no
// business with what they point to.
type addr uintptr

// pointer returns the object. It is for addresses in a heap, whose memory nobody
// but the heap can unmap or move: doc.go says more. Under the race detector, where
// that is Go's memory, checkptr would want to know what they are derived from.
//
//go:nocheckptr
func (a addr) pointer() Pointer { return unsafe.Add(Pointer(nil), a) }

// above returns how far a lies above base. An address from elsewhere gives a
// number beyond the heap's end, also when it lies below the base.
func (a addr) above(base addr) uintptr { return uintptr(a - base) }

// at returns the address of the byte at offset off from base. The caller has
// checked that it lies inside the heap.
func at(base Pointer, off uintptr) Pointer { return unsafe.Add(base, off) }

func (h *Heap) at(off uintptr) Pointer { return at(h.base, off) }

func (h *Heap) offset(p Pointer) uintptr { return h.offsetOf(addr(p)) }

func (h *Heap) offsetOf(a addr) uintptr { return a.above(addr(h.base)) }

// pageAt returns entry n of a table of page descriptors.
func pageAt(pages Pointer, n uintptr) *page {
	return (*page)(unsafe.Add(pages, n*unsafe.Sizeof(page{})))
}

// page returns the descriptor of page n.
func (h *Heap) page(n uintptr) *page { return pageAt(h.pages, n) }

// slabOf returns the other half of it.
func (h *Heap) slabOf(n uintptr) *pageSlab {
	return (*pageSlab)(unsafe.Add(h.slabs, n*unsafe.Sizeof(pageSlab(0))))
}

// slab returns the descriptor at offset off, wherever the layout put it.
func (h *Heap) slab(off uintptr) *slab { return (*slab)(unsafe.Add(h.base, off)) }

// word returns word i of the free mask that follows the descriptor.
func (s *slab) word(i uintptr) *uint64 {
	return (*uint64)(unsafe.Add(unsafe.Pointer(s), unsafe.Sizeof(slab{})+i*8))
}

// mark is a variable of a goroutine's stack that shows where that is. It is a pointer so
// that its address counts as a memory operation: the compiler could take that of a byte
// before a call that comes first, in whatever the code is inlined into.
type mark struct{ _ unsafe.Pointer }

// key returns the number of the 2 KiB of memory that the mark lies in. Goroutines have
// stacks of their own, of 2 KiB or more, aligned: while whoever asks makes no call, nobody
// else has this key. Afterwards it is a hint for spreading and nothing else, since stacks
// move, and marks with them. lease.go has more about it.
func (m *mark) key() uintptr { return uintptr(unsafe.Pointer(m)) >> 11 }

// The sizes that geometry and the overlay of slabRCU rest on. Each line fails
// to compile when the fact does not hold.
const (
	_ = uint(slabHeader - unsafe.Sizeof(slab{}))               // a slab's header is slabHeader bytes,
	_ = uint(unsafe.Sizeof(slab{}) - slabHeader)               // no more and no less.
	_ = uint(unsafe.Sizeof(slab{}) - unsafe.Sizeof(slabRCU{})) // slabRCU fits over slab.
	_ = uint(pageDescBytes/2 - unsafe.Sizeof(page{}))          // A page descriptor is two words,
	_ = uint(unsafe.Sizeof(page{}) - pageDescBytes/2)          // each in a table
	_ = uint(pageDescBytes/2 - unsafe.Sizeof(pageSlab(0)))     // of its own.
	_ = uint(unsafe.Sizeof(pageSlab(0)) - pageDescBytes/2)
)

// overlay turns a descriptor into what stands there while its slab is in limbo.
func (s *slab) overlay() *slabRCU { return (*slabRCU)(unsafe.Pointer(s)) }

// slabRCUOf returns the overlay that head is the first field of.
func slabRCUOf(head *urcu.Head) *slabRCU { return (*slabRCU)(unsafe.Pointer(head)) }

func (r *slabRCU) address() Pointer { return unsafe.Pointer(r) }
