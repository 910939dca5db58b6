// Page guarding: pages that belong to no slab fault, on heaps with GuardPages.
// Beside stops 5 and 11 of the walk in doc.go.

package kmem

import (
	"fmt"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

// maxSplitGuards bounds the guarded pages where each guarded range costs
// mappings, of which a process has 65,530. Pages beyond it stay accessible.
const maxSplitGuards = 16384

// guardMark stands in page.first while a free page is guarded, with the id of the
// cache that had it last; 0 is none.
const guardMark = 1 << 31

// guardFreed makes the pages of a slab that ended fault, and gives their memory
// back. It returns the state in which the block is free. The caller has the pages.
func (b *buddy) guardFreed(first uintptr, order uint) (state uint) {
	last := atomic.LoadUint32(&b.h.page(first).owner) & maxCacheID
	if b.guard(first, order, last) != nil {
		return dirty
	}
	return clean
}

// guard makes a block of pages fault, unless there are too many guards.
func (b *buddy) guard(first uintptr, order uint, last uint32) error {
	n := uintptr(1) << order
	if b.guarded.Add(int64(n)) > maxSplitGuards && !mmap.GuardsAreCheap() {
		b.guarded.Add(-int64(n))
		return fmt.Errorf("%d pages are guarded, the most there may be without guard markers", maxSplitGuards)
	}
	err := b.region.Guard(first<<pageShift, n<<pageShift)
	if err != nil && !mmap.GuardsAreCheap() {
		b.guarded.Add(-int64(n))
		return err
	}
	// Also when the system refused: free objects of a cache with Poison were
	// guarded one by one, and whoever gets the pages must unguard them.
	for i := range n {
		b.h.page(first + i).first = guardMark | last
	}
	return err
}

// unguard makes a block that is handed out accessible. When the system refuses,
// the block is free again and the error wraps [ErrNoMemory].
func (b *buddy) unguard(first uintptr, order uint) error {
	n := uintptr(1) << order
	var guards int64
	for i := range n {
		if b.h.page(first+i).first&guardMark != 0 {
			guards++
		}
	}
	if guards == 0 {
		return nil
	}
	if err := b.region.Unguard(first<<pageShift, n<<pageShift); err != nil {
		b.mu.Lock()
		b.used -= n
		b.put(first, order, clean)
		b.mu.Unlock()
		return fmt.Errorf("%w: heap %q: %w", ErrNoMemory, b.h.name, err)
	}
	b.guarded.Add(-guards)
	for i := range n {
		b.h.page(first + i).first = 0
	}
	return nil
}
