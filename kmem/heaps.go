// The table of heaps: a number for what off-heap memory may not hold, a Go
// pointer. Stop 10 of the walk in doc.go reads it.

package kmem

import (
	"slices"
	"sync"
	"sync/atomic"
)

var heaps struct {
	mu    sync.Mutex
	table atomic.Pointer[[]*Heap] // read without mu
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
}

// heapOf returns the heap with that number.
func heapOf(id uint32) *Heap { return (*heaps.table.Load())[id] }
