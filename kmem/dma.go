// Caches with CacheDMA: pages below 4 GiB, which devices of 32 bits can address.
//
// They live on a heap of their own behind the one that its user made, because a
// cache finds pages, descriptors and its slabs by one base. It is reserved when
// the first of them is made. The heap in front knows their names, lists them,
// finds their objects, and closes it.

package kmem

import (
	"fmt"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

const (
	// DMAReserve is the address space below 4 GiB that a heap reserves with its
	// first cache with [CacheDMA], in bytes. About sixty fit a process.
	DMAReserve = 64 << 20
	dmaLimit   = 1 << 32
)

// newDMACache makes a cache with CacheDMA for h.
func (h *Heap) newDMACache(name string, size int, o CacheOptions) (*Cache, error) {
	dma, err := h.dmaHeap()
	if err != nil {
		return nil, fmt.Errorf("flag cache_dma: %w", err)
	}
	c, err := dma.newCache(name, size, o)
	if err != nil {
		return nil, err
	}
	if err := h.adopt(c); err != nil {
		c.Destroy() // nobody has seen it
		return nil, err
	}
	return c, nil
}

// dmaHeap returns the heap at low addresses, and reserves it if there is none.
func (h *Heap) dmaHeap() (*Heap, error) {
	if dma := h.dma.Load(); dma != nil {
		return dma, nil
	}
	o := h.asked
	o.Name, o.Domain, o.Reserve, o.Limit, o.HugePages = h.name+" dma", h.domain, DMAReserve, NoLimit, HugePagesNever
	o.below = dmaLimit
	dma, err := NewHeap(o)
	if err != nil {
		return nil, err
	}
	dma.parent = h
	if !h.dma.CompareAndSwap(nil, dma) {
		return h.dma.Load(), dma.Close()
	}
	return dma, nil
}

// reserveRegion reserves the pages of a heap.
func reserveRegion(o HeapOptions) (*mmap.Region, error) {
	if o.below != 0 {
		return mmap.ReserveBelow(o.Reserve, o.below)
	}
	return mmap.Reserve(o.Reserve)
}

// adopt enters the name of a cache of the heap behind h.
func (h *Heap) adopt(c *Cache) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return fmt.Errorf("%w: heap %q", ErrClosed, h.name)
	}
	if h.byName[c.name] != nil {
		return fmt.Errorf("%w in heap %q", ErrExists, h.name)
	}
	h.byName[c.name] = c
	return nil
}

// disown takes a destroyed cache of the heap behind h off the names.
func (h *Heap) disown(c *Cache) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byName[c.name] == c {
		delete(h.byName, c.name)
	}
}
