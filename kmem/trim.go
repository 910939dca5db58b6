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

// pageRange is n pages from first on, free and on no list while a trim has them.
// dirty of them may be resident.
type pageRange struct{ first, n, dirty uintptr }

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
					b.dirty += r.n - r.dirty
					b.putRange(r, dirty)
				}
				b.mu.Unlock()
				return discarded
			}
			b.putRange(r, clean)
			b.dirty -= r.dirty
			b.low = min(b.low, b.dirty)
			b.discarded += uint64(r.dirty)
			discarded = b.discarded
			b.mu.Unlock()
			want -= min(want, r.dirty)
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
		for home := range b.free {
			list := &b.free[home][dirty][order]
			for want > 0 && len(dst) < cap(dst) && *list != 0 {
				r := b.adjoin(uintptr(*list), uint(order))
				dst = append(dst, r)
				want -= min(want, r.dirty)
			}
		}
	}
	slices.SortFunc(dst, func(x, y pageRange) int { return cmp.Compare(x.first, y.first) })
	return dst
}

// adjoin takes a dirty block off its list, and the dirty blocks on both sides of
// it, up to a chunk's worth. Clean blocks of a few pages that stand between come
// along: to discard them again is free, and another system call is not.
func (b *buddy) adjoin(first uintptr, order uint) pageRange {
	b.unlink(first, order)
	r := pageRange{first: first, n: 1 << order, dirty: 1 << order}
	for r.n < chunkPages && b.adjoinNext(&r, b.blockAt) {
	}
	for r.n < chunkPages && b.adjoinNext(&r, b.blockBefore) {
	}
	return r
}

// adjoinNext adds the next dirty block that look finds beside r, and what is
// between. It reports whether there was one.
func (b *buddy) adjoinNext(r *pageRange, look func(pageRange) (freeBlock, bool)) bool {
	var blocks [bridgeBlocks + 1]freeBlock
	all := *r
	for i := range blocks {
		f, ok := look(all)
		if !ok {
			return false
		}
		blocks[i] = f
		all.first = min(all.first, f.first)
		all.n += 1 << f.order
		if f.state == dirty {
			for _, f := range blocks[:i+1] {
				b.unlink(f.first, f.order)
			}
			all.dirty += 1 << f.order
			*r = all
			return true
		}
	}
	return false
}

// bridgeBlocks is how many clean blocks in a row may come along.
const bridgeBlocks = 4

// blockAt returns the free block that begins where r ends.
func (b *buddy) blockAt(r pageRange) (f freeBlock, ok bool) {
	f.first = r.first + r.n
	if f.first >= b.committed {
		return f, false
	}
	f.order, f.state, ok = freeOf(b.h.pageOwner(f.first))
	return f, ok
}

// blockBefore returns the free block that ends where r begins.
func (b *buddy) blockBefore(r pageRange) (f freeBlock, ok bool) {
	for n := uintptr(1); n < chunkPages && r.first&(n-1) == 0; n <<= 1 {
		f.first = r.first - n
		if f.order, f.state, ok = freeOf(b.h.pageOwner(f.first)); ok && n == 1<<f.order {
			return f, true
		}
	}
	return f, false
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
