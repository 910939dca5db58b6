// The lists of free blocks of pages, by home. Stops 5 and 11 of the walk in doc.go.

package kmem

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// pageblock is the order of blocks that are for one home: 1 MiB. Where all homes are
// used, they take two chunks at first and not one; nothing is resident for that.
const pageblock = 8

// freeLists holds the first page of a free block; 0 is none. A list has the blocks of one
// home, state and order. Dirty ones may still be resident.
//
// A home that takes a part of a pageblock has all of it, until it is free as a whole. A
// block of one or more is for all, and on the lists of home 0.
type freeLists [homes][2][maxBuddy + 1]uint32

const (
	clean = 0
	dirty = 1
)

// A freeBlock is 2^order pages on a list.
type freeBlock struct {
	first        uintptr
	order, state uint
}

// find returns the smallest free block of at least the given order that a home may
// have, a resident one before one that would fault, and resident ones alone if asked.
func (b *buddy) find(order uint, home uint8, resident bool) (f freeBlock, ok bool) {
	for from := order; from <= maxBuddy; from++ {
		if from >= pageblock {
			home = 0
		}
		for _, state := range [...]uint{dirty, clean} {
			if n := b.free[home][state][from]; n != 0 && (state == dirty || !resident) {
				return freeBlock{uintptr(n), from, state}, true
			}
		}
	}
	return f, false
}

// findElsewhere is find for a home in the pageblocks of others. These are left to them
// while there is memory, and while the pages that lie idle so, and are resident, would make
// no more than a pageblock for each home: tryPages.
func (b *buddy) findElsewhere(order uint, home uint8, resident bool) (f freeBlock, ok bool) {
	for i := uint8(1); i < homes && !ok; i++ {
		f, ok = b.find(order, (home+i)%homes, resident)
	}
	return f, ok
}

// put links a free block after joining it with its buddies of the same state.
// Clean and dirty halves stay apart until a trim, so that dirty counts what can
// be resident and nothing else.
func (b *buddy) put(first uintptr, order, state uint) {
	for ; order < maxBuddy; order++ {
		other := first ^ 1<<order
		if atomic.LoadUint32(&b.h.page(other).owner) != freeMark(order, state) {
			break
		}
		b.unlink(other, order)
		first &^= 1 << order
	}
	b.link(first, order, state)
}

// link puts a block at the head of its list, where it is found again while its
// memory is warm.
func (b *buddy) link(first uintptr, order, state uint) {
	atomic.StoreUint32(&b.h.page(first).owner, freeMark(order, state)) // Inspect looks without the lock
	head := b.list(first, order, state)
	b.h.slabOf(first).setLinks(*head, 0)
	if *head != 0 {
		q := b.h.slabOf(uintptr(*head))
		next, _ := q.links()
		q.setLinks(next, uint32(first))
	}
	*head = uint32(first)
}

// list returns the list that a block is on, or comes to.
func (b *buddy) list(first uintptr, order, state uint) *uint32 {
	home := uint8(0)
	if order < pageblock {
		home = b.land[first>>pageblock]
	}
	return &b.free[home][state][order]
}

// unlink takes a block off its list.
func (b *buddy) unlink(first uintptr, order uint) {
	p := b.h.page(first)
	if invariant.Enabled {
		invariant.Check(p.owner&^1 == freeMark(order, clean), "heap %s: page %d is not a free block of order %d", b.h.name, first, order)
	}
	next, prev := b.h.slabOf(first).links()
	if prev == 0 {
		*b.list(first, order, uint(p.owner&1)) = next
	} else {
		q := b.h.slabOf(uintptr(prev))
		_, pp := q.links()
		q.setLinks(next, pp)
	}
	if next != 0 {
		q := b.h.slabOf(uintptr(next))
		nn, _ := q.links()
		q.setLinks(nn, prev)
	}
	atomic.StoreUint32(&p.owner, 0)
}
