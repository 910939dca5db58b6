// The page allocator: binary buddies over the committed part of the heap's
// reservation. Stops 5 and 11 of the walk in doc.go end here.

package kmem

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/internal/mmap"
)

const (
	maxBuddy   = 10 // 4 MiB: one chunk, committed by one system call
	chunkPages = 1 << maxBuddy
	// pageblock is the order of blocks that are for one home: 1 MiB. Where all homes are
	// used, they take two chunks at first and not one; nothing is resident for that.
	pageblock = 8
	// trimPages is how many freed pages may stay resident before a free gives
	// half of them back. A discarded page costs a fault of about a microsecond
	// when it is wanted again, one that is kept costs nothing. What stays below
	// the bound is the reaper's: see trim.go.
	trimPages = 4096
)

// buddy hands out blocks of 2^order pages. Its lock is the innermost one of the
// package: nothing is locked or called under it but mmap.
//
// Pages are handed out with the contents that their last owner left. Only fresh
// and discarded ones read zero, and nobody is told which those are: a cache
// constructs its objects, or hands them out as they come.
//
// The first chunk is never committed, so that offset 0, the nil of [Ref],
// faults.
type buddy struct {
	h      *Heap        // constant
	region *mmap.Region // constant
	table  *mmap.Region // constant; the page descriptors
	total  uintptr      // constant; pages in the reservation
	limit  uintptr      // constant; pages that may be resident at once

	huge mmap.HugePages // constant

	mu        sync.Mutex // guards all below
	free      freeLists
	land      []uint8 // of each pageblock: the home that its pages are for
	committed uintptr // pages made accessible; they stay so
	used      uintptr // pages handed out, those in limbo included
	dirty     uintptr // pages in dirty blocks and on their way to be discarded
	low       uintptr // the least that dirty was since the reaper looked
	discarded uint64  // pages given back, ever
	hugeErr   error   // why the system refused huge pages

	guarded atomic.Int64 // free pages that fault: guardpages.go

	trims trimmer // has its own lock
}

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

// getPages returns the number of the first of 2^order pages, with the contents
// that the last owner left. The error wraps [ErrNoMemory]. It gives free pages
// back to the system where that makes room. Pages of other homes come last.
func (b *buddy) getPages(order uint, home uint8) (uintptr, error) {
	for seen := ^uint64(0); ; {
		first, want, err := b.tryPages(order, home)
		if want == 0 {
			if err == nil && b.h.debug.GuardPages {
				err = b.unguard(first, order)
			}
			return first, err
		}
		given := b.discard(want)
		if given == seen { // nothing moves any more, here or elsewhere
			return 0, err
		}
		seen = given
	}
}

// tryPages hands out a block, or says why there is none. When that can change
// once resident free pages are discarded, want is how many.
func (b *buddy) tryPages(order uint, home uint8) (first, want uintptr, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := uintptr(1) << order
	if b.used+n > b.limit {
		return 0, 0, b.atLimit(n)
	}
	// Free pages that are still resident count against the limit as well.
	over := int(b.used+b.dirty+n) - int(b.limit)
	f, ok := b.find(order, home, over > 0)
	if f.state == clean && (over > 0 || b.dirty > homes<<pageblock) {
		if lent, found := b.findElsewhere(order, home, true); found {
			f, ok = lent, true
		}
	}
	if !ok && over <= 0 {
		if err = b.commitLocked(); err == nil {
			f, ok = b.find(order, home, false)
		} else {
			f, ok = b.findElsewhere(order, home, false)
		}
	}
	switch {
	case ok:
		b.take(f, order, home)
		return f.first, 0, nil
	case over > 0:
		return 0, uintptr(over), b.atLimit(n)
	}
	return 0, b.dirty, err // a trim makes halves alike, that can join then
}

func (b *buddy) atLimit(n uintptr) error {
	return fmt.Errorf("%w: heap %q: the limit of %d bytes is reached: %d in use, %d free but resident, %d more wanted",
		ErrNoMemory, b.h.name, b.limit<<pageShift, b.used<<pageShift, b.dirty<<pageShift, n<<pageShift)
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
// a pageblock for each home.
func (b *buddy) findElsewhere(order uint, home uint8, resident bool) (f freeBlock, ok bool) {
	for i := uint8(1); i < homes && !ok; i++ {
		f, ok = b.find(order, (home+i)%homes, resident)
	}
	return f, ok
}

// take hands out the first 2^order pages of a free block.
func (b *buddy) take(f freeBlock, order uint, home uint8) {
	b.unlink(f.first, f.order)
	if f.order >= pageblock {
		b.land[f.first>>pageblock] = home
	}
	for f.order > order { // give back the upper halves
		f.order--
		b.link(f.first+1<<f.order, f.order, f.state)
	}
	n := uintptr(1) << order
	if f.state == dirty {
		b.dirty -= n
		b.low = min(b.low, b.dirty)
	}
	b.used += n
}

// freePages takes back what getPages returned and joins it with its free
// buddies.
func (b *buddy) freePages(first uintptr, order uint) {
	state := b.release(first, order)
	b.mu.Lock()
	b.freeLocked(first, order, state)
	b.unlockFreed()
}

// freeLimbo is freePages for slabs that waited in limbo together, from rcu on. It
// is one trip to the lock, so that nobody finds, and discards, a part of them.
func (b *buddy) freeLimbo(rcu *slabRCU, order uint) {
	b.mu.Lock()
	for rcu != nil {
		r := *rcu // it may stand on the pages
		state := b.release(uintptr(r.page), order)
		b.freeLocked(uintptr(r.page), order, state)
		rcu = b.h.inLimbo(uintptr(r.next))
	}
	b.unlockFreed()
}

// release makes pages nobody's, and returns the state that they will be free in.
func (b *buddy) release(first uintptr, order uint) (state uint) {
	state = dirty
	if b.h.debug.GuardPages {
		state = b.guardFreed(first, order)
	}
	b.h.setOwner(first, order, 0)
	return state
}

func (b *buddy) freeLocked(first uintptr, order, state uint) {
	if invariant.Enabled {
		invariant.Check(b.used >= 1<<order, "heap %s: more pages freed than handed out", b.h.name)
	}
	b.used -= 1 << order
	if state == dirty {
		b.dirty += 1 << order
	} else {
		b.discarded += 1 << order
	}
	b.put(first, order, state)
}

// unlockFreed releases the lock and gives memory back to the system where much has
// gathered.
func (b *buddy) unlockFreed() {
	many := b.dirty
	b.mu.Unlock()
	b.h.reaper.rouse()
	if many > trimPages {
		b.tryDiscard(many / 2)
	}
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

// commitTable makes the descriptors of the chunk from page first on accessible.
func commitTable(table *mmap.Region, first uintptr) error {
	const half = pageDescBytes / 2
	if err := table.Commit(first*half, chunkPages*half); err != nil {
		return err
	}
	return table.Commit(table.Size()/2+first*half, chunkPages*half)
}

// commitLocked makes one more chunk accessible and links it. Large steps keep
// the number of mappings small: each change of protection splits one.
func (b *buddy) commitLocked() error {
	first := b.committed
	if first == 0 {
		first = chunkPages // the first chunk stays inaccessible
	}
	if first+chunkPages > b.total {
		return fmt.Errorf("%w: heap %q: the reservation of %d bytes is used up", ErrNoMemory, b.h.name, b.total<<pageShift)
	}
	if err := commitTable(b.table, first); err != nil {
		return fmt.Errorf("%w: heap %q: page descriptors: %w", ErrNoMemory, b.h.name, err)
	}
	if err := b.region.Commit(first<<pageShift, chunkPages<<pageShift); err != nil {
		return fmt.Errorf("%w: heap %q: pages: %w", ErrNoMemory, b.h.name, err)
	}
	if err := b.region.Advise(first<<pageShift, chunkPages<<pageShift, b.huge); err != nil {
		b.hugeErr = err // a wish that is not granted changes nothing else
	}
	if b.h.debug.GuardPages {
		_ = b.guard(first, maxBuddy, 0) // what is not guarded is accessible, as on other heaps
	}
	b.land = append(b.land, make([]uint8, (first+chunkPages-b.committed)>>pageblock)...)
	b.committed = first + chunkPages
	b.h.end.Store(b.committed << pageShift)
	b.link(first, maxBuddy, clean)
	return nil
}
