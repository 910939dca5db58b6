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

// getPages returns the number of the first of 2^order pages, with the contents
// that the last owner left. The error wraps [ErrNoMemory]. It gives free pages
// back to the system where that makes room. Pages of the home's pageblocks come first.
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
	// Before what would fault, if there is that, come resident pages that others lend.
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
