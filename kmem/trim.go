// Pages back to the system: adjacent free blocks together, in batches. Behind
// stop 11 of the walk in doc.go.
//
// A free gives pages back only when more than trimPages have gathered, an
// allocation when the limit leaves it no choice. The rest is the reaper's: it
// discards as many pages as nobody wanted for a whole interval, which is the
// least that dirty was in it. A page that is used over and over is not among
// them, however often it is free.

package kmem

import (
	"cmp"
	"slices"
	"sync"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// trimmer is who discards, one at a time. Its lock is taken before buddy.mu and
// held across system calls.
type trimmer struct {
	mu    sync.Mutex
	batch [32]pageRange // guarded by mu
}

// pageRange is n pages from first on: free, resident, and on no list while a
// trim has them.
type pageRange struct{ first, n uintptr }

// discard gives back at least want free resident pages, or all there are, and returns
// how many were ever given back. It waits for a trim that is under way.
func (b *buddy) discard(want uintptr) (discarded uint64) {
	b.trims.mu.Lock()
	defer b.trims.mu.Unlock()
	return b.trimBatches(want)
}

// tryDiscard is discard that leaves it to the trim that is under way.
func (b *buddy) tryDiscard(want uintptr) {
	if b.trims.mu.TryLock() {
		defer b.trims.mu.Unlock()
		b.trimBatches(want)
	}
}

// trim gives back all free resident pages.
func (b *buddy) trim() { b.discard(b.total) }

// trimIdle discards the pages that were free ever since it was called last. It
// reports whether resident pages are left that the next call may find idle.
func (b *buddy) trimIdle() (left bool) {
	b.mu.Lock()
	idle := b.low
	b.low = b.dirty
	b.mu.Unlock()
	if idle > 0 {
		b.discard(idle)
	}
	return b.hasDirty()
}

// hasDirty reports whether free pages may still be resident.
func (b *buddy) hasDirty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dirty > 0
}

// trimBatches collects adjacent blocks under the lock and discards them without.
// The caller holds trims.mu.
func (b *buddy) trimBatches(want uintptr) (discarded uint64) {
	for {
		b.mu.Lock()
		ranges := b.collect(b.trims.batch[:0], want)
		discarded = b.discarded
		b.mu.Unlock()
		for i, r := range ranges {
			err := b.region.Discard(r.first<<pageShift, r.n<<pageShift)
			b.mu.Lock()
			if err != nil { // still resident: keep it all, and stop asking
				for _, r := range ranges[i:] {
					b.putRange(r, dirty)
				}
				b.mu.Unlock()
				return discarded
			}
			b.putRange(r, clean)
			b.dirty -= r.n
			b.low = min(b.low, b.dirty)
			b.discarded += uint64(r.n)
			discarded = b.discarded
			b.mu.Unlock()
			want -= min(want, r.n)
		}
		if len(ranges) == 0 || want == 0 {
			return discarded
		}
	}
}

// collect takes dirty blocks off their lists, the largest first and each with
// all that adjoins it, until there are want pages or dst is full. They stay
// counted as dirty, since they are resident. It returns them in the order of
// their addresses.
func (b *buddy) collect(dst []pageRange, want uintptr) []pageRange {
	for order := maxBuddy; order >= 0; order-- {
		for want > 0 && len(dst) < cap(dst) && b.free[dirty][order] != 0 {
			r := b.adjoin(uintptr(b.free[dirty][order]), uint(order))
			dst = append(dst, r)
			want -= min(want, r.n)
		}
	}
	slices.SortFunc(dst, func(x, y pageRange) int { return cmp.Compare(x.first, y.first) })
	return dst
}

// adjoin takes a dirty block off its list, and the dirty blocks on both sides of
// it, as far as they follow each other, up to a chunk's worth.
func (b *buddy) adjoin(first uintptr, order uint) pageRange {
	b.unlink(first, order)
	r := pageRange{first, 1 << order}
	for r.n < chunkPages {
		order, ok := b.dirtyAt(r.first + r.n)
		if !ok {
			break
		}
		b.unlink(r.first+r.n, order)
		r.n += 1 << order
	}
	for r.n < chunkPages {
		order, ok := b.dirtyBefore(r.first)
		if !ok {
			break
		}
		r.first -= 1 << order
		r.n += 1 << order
		b.unlink(r.first, order)
	}
	return r
}

// dirtyAt returns the order of the dirty block that begins at page n.
func (b *buddy) dirtyAt(n uintptr) (order uint, ok bool) {
	if n >= b.committed {
		return 0, false
	}
	for order = range uint(maxBuddy + 1) {
		if b.h.pageOwner(n) == freeMark(order, dirty) {
			return order, true
		}
	}
	return 0, false
}

// dirtyBefore returns the order of the dirty block that ends before page n.
func (b *buddy) dirtyBefore(n uintptr) (order uint, ok bool) {
	for order = range uint(maxBuddy + 1) {
		if n&(1<<order-1) != 0 {
			break
		}
		if b.h.pageOwner(n-1<<order) == freeMark(order, dirty) {
			return order, true
		}
	}
	return 0, false
}

// putRange links a range as the largest blocks it is made of.
func (b *buddy) putRange(r pageRange, state uint) {
	for r.n > 0 {
		order := uint(maxBuddy)
		for r.first&(1<<order-1) != 0 || r.n < 1<<order {
			order--
		}
		b.put(r.first, order, state)
		r.first += 1 << order
		r.n -= 1 << order
	}
	if invariant.Enabled {
		invariant.Check(b.low <= b.dirty, "heap %s: %d pages dirty, the least was %d", b.h.name, b.dirty, b.low)
	}
}
