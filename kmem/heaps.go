// The table of heaps: a number for what off-heap memory may not hold, a Go
// pointer. Stop 10 of the walk in doc.go reads it.

package kmem

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

var heaps struct {
	mu    sync.Mutex
	table atomic.Pointer[[]*Heap] // read without mu

	closed []closedHeap // whose addresses fault for ever
}

// closedHeap is what is left of a heap.
type closedHeap struct {
	name       string
	base, size uintptr
}

// addHeap returns the smallest free number.
func addHeap(h *Heap) uint32 {
	heaps.mu.Lock()
	defer heaps.mu.Unlock()
	var table []*Heap
	if p := heaps.table.Load(); p != nil {
		table = slices.Clone(*p)
	}
	id := slices.Index(table, nil)
	if id < 0 {
		id = len(table)
		table = append(table, nil)
	}
	table[id] = h
	heaps.table.Store(&table)
	return uint32(id)
}

func removeHeap(h *Heap) {
	heaps.mu.Lock()
	defer heaps.mu.Unlock()
	table := slices.Clone(*heaps.table.Load())
	table[h.id] = nil
	heaps.table.Store(&table)
	if !mmap.HeapBacked { // else the addresses are the collector's again
		heaps.closed = append(heaps.closed, closedHeap{h.name, address(h.base), h.buddy.region.Size()})
	}
}

// explainClosed says so when an address was that of a heap which is closed.
func explainClosed(addr uintptr) string {
	heaps.mu.Lock()
	defer heaps.mu.Unlock()
	for _, c := range heaps.closed {
		if addr-c.base < c.size {
			return fmt.Sprintf("heap %q is closed", c.name)
		}
	}
	return ""
}

// Heaps returns the heaps that are open now. Any goroutine may call it.
func Heaps() []*Heap {
	p := heaps.table.Load()
	if p == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(*p), func(h *Heap) bool { return h == nil || h.parent != nil })
}

// heapOf returns the heap with that number.
func heapOf(id uint32) *Heap { return (*heaps.table.Load())[id] }
