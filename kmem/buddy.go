// The page allocator: binary buddies over the committed part of the heap's
// reservation. Stops 5 and 11 of the walk in doc.go end here.

package kmem

import (
	"fmt"
	"runtime"
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
	// aheadOrder is of the blocks that get their memory at once when a cache grows that has
	// full slabs. The first slab of a cache faults as it is used, and so do larger blocks.
	aheadOrder = 4
)

// buddy hands out blocks of 2^order pages. Nothing is locked or called under its lock
// but mmap, and guardPool.mu by Inspect.
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
	dirty     uintptr // pages in dirty blocks, and on their way to be discarded or into one
	low       uintptr // the least that dirty was since the reaper looked
	discarded uint64  // pages given back, ever
	begun     uint64  // blocks that were to be populated ahead, ever
	done      uint64  // those of them that were
	hugeErr   error   // why the system refused huge pages

	guarded atomic.Int64 // free pages that fault: guardpages.go

	trims trimmer // has its own lock
}

// getPages returns the number of the first of 2^order pages, with the contents
// that the last owner left. The error wraps [ErrNoMemory]. It gives free pages
// back to the system where that makes room. Pages of the home's pageblocks come first.
// Who will want more soon gets them with their memory, and what comes next as well.
func (b *buddy) getPages(order uint, home uint8, more bool) (uintptr, error) {
	for seen := ^uint64(0); ; {
		f, want, err := b.tryPages(order, home, more)
		if want == 0 {
			if err == nil {
				err = b.freshen(f, order, more)
			}
			return f.first, err
		}
		given := b.discard(want)
		done, pending := b.populated()
		if given+done == seen && !pending { // nothing moves any more, here or elsewhere
			return 0, err
		}
		seen = given + done
		if pending {
			runtime.Gosched()
		}
	}
}

// tryPages hands out a block, as take returns it, or says why there is none. When that can
// change once resident free pages are discarded, want is how many.
func (b *buddy) tryPages(order uint, home uint8, more bool) (f freeBlock, want uintptr, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := uintptr(1) << order
	if b.used+n > b.limit {
		return f, 0, b.atLimit(n)
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
		return b.take(f, order, home, more), 0, nil
	case over > 0:
		return f, uintptr(over), b.atLimit(n)
	}
	return f, b.dirty, err // a trim makes halves alike, that can join then
}

func (b *buddy) atLimit(n uintptr) error {
	return fmt.Errorf("%w: heap %q: the limit of %d bytes is reached: %d in use, %d free but resident, %d more wanted",
		ErrNoMemory, b.h.name, b.limit<<pageShift, b.used<<pageShift, b.dirty<<pageShift, n<<pageShift)
}

// take hands out the first 2^order pages of a free block, and of a clean one with them
// those behind that are to get their memory now: freshen links these. It returns what it
// took off the lists.
func (b *buddy) take(f freeBlock, order uint, home uint8, more bool) freeBlock {
	b.unlink(f.first, f.order)
	if f.order >= pageblock {
		b.land[f.first>>pageblock] = home
	}
	ahead := order
	if more && f.state == clean {
		ahead = b.ahead(f, order)
	}
	for f.order > ahead { // give back the upper halves
		f.order--
		b.link(f.first+1<<f.order, f.order, f.state)
	}
	n := uintptr(1) << order
	if f.state == dirty {
		b.dirty -= n
		b.low = min(b.low, b.dirty)
	}
	if ahead > order {
		b.dirty += 1<<ahead - n
		b.begun++
	}
	b.used += n
	return f
}

// ahead returns the order of the block that gets its memory where 2^order pages of f are
// wanted, as far as the limit allows.
func (b *buddy) ahead(f freeBlock, order uint) uint {
	if b.h.debug.GuardPages {
		return order
	}
	ahead := max(order, min(f.order, aheadOrder))
	for ahead > order && b.used+b.dirty+1<<ahead > b.limit {
		ahead--
	}
	return ahead
}

// freshen makes pages usable that were handed out. With more to come, those of a small
// clean block get their memory, and what was taken with them gets it too and becomes free:
// one call where each page would cost a fault, and no lock is held for it.
func (b *buddy) freshen(f freeBlock, order uint, more bool) error {
	if b.h.debug.GuardPages {
		return b.unguard(f.first, order)
	}
	if more && f.state == clean && f.order <= aheadOrder {
		b.region.Populate(f.first<<pageShift, 1<<(f.order+pageShift))
	}
	if f.order > order {
		b.mu.Lock()
		for half := order; half < f.order; half++ {
			b.put(f.first+1<<half, half, dirty)
		}
		b.done++
		b.mu.Unlock()
	}
	return nil
}

// populated returns how many blocks were populated ahead, and whether some are about to be.
func (b *buddy) populated() (done uint64, pending bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done, b.done != b.begun
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
