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
	// trimPages is how many freed pages may stay resident before a free gives a
	// batch of them back. A discarded page costs a fault of about a microsecond
	// when it is wanted again, one that is kept costs nothing.
	trimPages = 4096
)

// buddy hands out blocks of 2^order pages. Its lock is the innermost one of the
// package: nothing is locked or called under it but mmap.
//
// The first chunk is never committed, so that offset 0, the nil of [Ref],
// faults.
type buddy struct {
	h      *Heap        // constant
	region *mmap.Region // constant
	table  *mmap.Region // constant; the page descriptors
	total  uintptr      // constant; pages in the reservation
	limit  uintptr      // constant; pages that may be resident at once

	mu        sync.Mutex // guards all below
	free      [2]blocks  // clean and dirty: dirty ones may still be resident
	committed uintptr    // pages made accessible; they stay so
	used      uintptr    // pages handed out, those in limbo included
	dirty     uintptr    // pages in dirty blocks
	discarded uint64     // pages given back, ever
}

// blocks holds the first page of a free block of each order; 0 is none.
type blocks [maxBuddy + 1]uint32

const (
	clean = 0
	dirty = 1
)

// getPages returns the number of the first of 2^order pages, with the contents
// that the last owner left. The error wraps [ErrNoMemory].
func (b *buddy) getPages(order uint) (uintptr, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := uintptr(1) << order
	if over := int(b.used+b.dirty+n) - int(b.limit); over > 0 && b.dirty > 0 {
		// Free pages that are still resident count against the limit as well.
		b.trimLocked(uintptr(over))
	}
	if b.used+n > b.limit {
		return 0, fmt.Errorf("%w: heap %q: the limit of %d bytes is reached: %d in use, %d more wanted",
			ErrNoMemory, b.h.name, b.limit<<pageShift, b.used<<pageShift, n<<pageShift)
	}
	first, from, state, ok := b.find(order)
	if !ok {
		if err := b.moreLocked(order); err != nil {
			return 0, err
		}
		first, from, state, _ = b.find(order)
	}
	b.unlink(first, from)
	for from > order { // give back the upper halves
		from--
		b.link(first+1<<from, from, state)
	}
	if state == dirty {
		b.dirty -= n
	}
	b.used += n
	return first, nil
}

// find returns the smallest free block of at least the given order, a resident
// one before one that would fault.
func (b *buddy) find(order uint) (first uintptr, from, state uint, ok bool) {
	for from = order; from <= maxBuddy; from++ {
		for _, state = range [...]uint{dirty, clean} {
			if n := b.free[state][from]; n != 0 {
				return uintptr(n), from, state, true
			}
		}
	}
	return 0, 0, 0, false
}

// freePages takes back what getPages returned and joins it with its free
// buddies. It gives memory back to the system when much of it has gathered.
func (b *buddy) freePages(first uintptr, order uint) {
	b.h.setOwner(first, order, 0)
	b.mu.Lock()
	defer b.mu.Unlock()
	if invariant.Enabled {
		invariant.Check(b.used >= 1<<order, "heap %s: more pages freed than handed out", b.h.name)
	}
	b.used -= 1 << order
	b.dirty += 1 << order
	b.put(first, order, dirty)
	if b.dirty > trimPages {
		b.trimLocked(b.dirty / 2)
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
	p := b.h.page(first)
	atomic.StoreUint32(&p.owner, freeMark(order, state)) // Inspect looks without the lock
	head := &b.free[state][order]
	p.setLinks(*head, 0)
	if *head != 0 {
		q := b.h.page(uintptr(*head))
		next, _ := q.links()
		q.setLinks(next, uint32(first))
	}
	*head = uint32(first)
}

// unlink takes a block off its list.
func (b *buddy) unlink(first uintptr, order uint) {
	p := b.h.page(first)
	if invariant.Enabled {
		invariant.Check(p.owner&^1 == freeMark(order, clean), "heap %s: page %d is not a free block of order %d", b.h.name, first, order)
	}
	next, prev := p.links()
	if prev == 0 {
		b.free[p.owner&1][order] = next
	} else {
		q := b.h.page(uintptr(prev))
		_, pp := q.links()
		q.setLinks(next, pp)
	}
	if next != 0 {
		q := b.h.page(uintptr(next))
		nn, _ := q.links()
		q.setLinks(nn, prev)
	}
	atomic.StoreUint32(&p.owner, 0)
}

// moreLocked makes a block of the order free: by a new chunk, or else by joining
// what a trim makes alike.
func (b *buddy) moreLocked(order uint) error {
	err := b.commitLocked()
	if err != nil && b.dirty > 0 {
		b.trimLocked(b.dirty)
		if _, _, _, ok := b.find(order); ok {
			return nil
		}
	}
	return err
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
	if err := b.table.Commit(first*pageDescBytes, chunkPages*pageDescBytes); err != nil {
		return fmt.Errorf("%w: heap %q: page descriptors: %w", ErrNoMemory, b.h.name, err)
	}
	if err := b.region.Commit(first<<pageShift, chunkPages<<pageShift); err != nil {
		return fmt.Errorf("%w: heap %q: pages: %w", ErrNoMemory, b.h.name, err)
	}
	b.committed = first + chunkPages
	b.h.end.Store(b.committed << pageShift)
	b.link(first, maxBuddy, clean)
	return nil
}

// trimLocked discards at least want free resident pages, or all there are,
// largest blocks first. The lock is dropped around each system call; a block
// under way is on no list, so nobody else can have it.
func (b *buddy) trimLocked(want uintptr) {
	for order := maxBuddy; order >= 0; order-- {
		for want > 0 && b.free[dirty][order] != 0 {
			first, n := uintptr(b.free[dirty][order]), uintptr(1)<<order
			b.unlink(first, uint(order))
			b.dirty -= n
			b.mu.Unlock()
			err := b.region.Discard(first<<pageShift, n<<pageShift)
			b.mu.Lock()
			if err != nil { // still resident: keep it, and stop asking
				b.dirty += n
				b.put(first, uint(order), dirty)
				return
			}
			b.discarded += uint64(n)
			b.put(first, uint(order), clean)
			want -= min(want, n)
		}
	}
}

// trim gives all free resident pages back to the system.
func (b *buddy) trim() {
	b.mu.Lock()
	b.trimLocked(b.dirty)
	b.mu.Unlock()
}
