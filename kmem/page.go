// Page descriptors: what the heap knows about each page, and the mask checks
// that a free makes. Stop 5 and 11 of the walk in doc.go use them.

package kmem

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

const (
	pageShift = 12
	pageSize  = 1 << pageShift

	pageDescBytes = 16                                                          // of both tables; pointer_unsafe.go checks it
	_             = uint(pageSize-mmap.PageSize) + uint(mmap.PageSize-pageSize) // the same page everywhere
)

// page describes one page of a heap, as far as every free wants to know. The
// descriptors stand in a table of their own, so that no cold object memory is
// touched, and as dense as can be.
type page struct {
	// owner is the id of the cache that the page belongs to, with the limbo bit
	// while its slab waits for a grace period; or a free block's mark; or 0. It is
	// stored atomically, because the page allocator looks at the neighbours of
	// what it joins.
	owner uint32
	// first is the offset of the slab's first object, modulo 2^32.
	first uint32
}

// pageSlab is the rest of what is known about a page, in a second table: the offset
// of the descriptor of its slab. While the page heads a free block it is that block's
// list links instead, two page numbers.
type pageSlab uint64

// Marks of page.owner. Cache ids stay below all of them.
const (
	ownerLimbo = 1 << 31 // the slab is in limbo; the id stands below
	ownerFree  = 1 << 30 // heads a free block: order and state stand below
	ownerGuard = 1 << 29 // holds a guarded sample; the id stands below
	// ownerSample stands with the id on the pages of slabs for samples.
	ownerSample = 1 << 28
	maxCacheID  = 1<<24 - 1
)

// freeMark is the owner of a page that heads a free block.
func freeMark(order, state uint) uint32 { return uint32(ownerFree | order<<1 | state) }

// freeOf reads such a mark.
func freeOf(owner uint32) (order, state uint, ok bool) {
	return uint(owner&^ownerFree) >> 1, uint(owner & 1), owner&ownerFree != 0
}

// links returns the neighbours of a free block in its list; 0 is none.
func (p *pageSlab) links() (next, prev uint32) { return uint32(*p), uint32(*p >> 32) }

func (p *pageSlab) setLinks(next, prev uint32) { *p = pageSlab(next) | pageSlab(prev)<<32 }

// claim marks the pages from number n on as those of slab s of cache id. first
// is the offset of object 0.
func (h *Heap) claim(n uintptr, order uint, id uint32, s, first uintptr) {
	for i := uintptr(0); i < 1<<order; i++ {
		*h.slabOf(n + i) = pageSlab(s)
		p := h.page(n + i)
		p.first = uint32(first)
		atomic.StoreUint32(&p.owner, id)
	}
}

// setOwner changes the owner of all pages of a block and nothing else.
func (h *Heap) setOwner(n uintptr, order uint, owner uint32) {
	for i := uintptr(0); i < 1<<order; i++ {
		atomic.StoreUint32(&h.page(n+i).owner, owner)
	}
}

// pageOwner returns the owner of page n, which somebody else may be changing.
func (h *Heap) pageOwner(n uintptr) uint32 { return atomic.LoadUint32(&h.page(n).owner) }
