// The registry of a heap: its caches by name and by id, and those of its own.

package kmem

import (
	"fmt"
	"slices"
)

// Caches returns the caches of the heap in the order of their ids, those that the
// heap made for itself included; those with [CacheDMA] come last.
func (h *Heap) Caches() []*Cache {
	list := h.list()
	if dma := h.dma.Load(); dma != nil {
		list = append(list, dma.list()...)
	}
	return list
}

// list returns the caches whose pages are the heap's.
func (h *Heap) list() []*Cache {
	return slices.DeleteFunc(slices.Clone(*h.caches.Load()), func(c *Cache) bool { return c == nil })
}

// add gives a new cache its id and, where its layout wants one, its descriptor
// cache.
func (h *Heap) add(c *Cache) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return fmt.Errorf("%w: heap %q", ErrClosed, h.name)
	}
	return h.addLocked(c)
}

func (h *Heap) addLocked(c *Cache) error {
	if h.byName[c.name] != nil {
		return fmt.Errorf("%w in heap %q", ErrExists, h.name)
	}
	if c.geo.OffSlab {
		descs, err := h.descsOf(c.geo.DescSize)
		if err != nil {
			return err
		}
		c.descs = descs
	}
	if err := h.enlist(c); err != nil {
		return err
	}
	h.byName[c.name] = c
	return nil
}

// descsOf returns the cache of descriptors of a size. The caller holds mu.
func (h *Heap) descsOf(size int) (*Cache, error) {
	return h.innerCache("kmem_slab", size, h.layout.descriptors())
}

// innerCache returns the cache of the heap's own for objects of a kind and size.
// It is laid out with its own descriptors on the slabs, so that there is an end
// to it. The caller holds mu.
func (h *Heap) innerCache(kind string, size int, layout Layout) (*Cache, error) {
	name := fmt.Sprintf("%s-%d", kind, size)
	if d := h.inner[name]; d != nil {
		return d, nil
	}
	geo, err := layout.runGeometry(size, 0, 0)
	if err != nil {
		return nil, err
	}
	if geo.OffSlab {
		return nil, fmt.Errorf("layout %s puts the descriptors of cache %s off their slabs", layout, name)
	}
	d := makeCache(h, name, geo, CacheOptions{})
	d.inner = true
	if err := h.enlist(d); err != nil {
		return nil, err
	}
	h.inner[name] = d
	return d, nil
}

// enlist gives a cache the smallest free id. Readers of the table see the old
// or the new one.
func (h *Heap) enlist(c *Cache) error {
	table := slices.Clone(*h.caches.Load())
	id := 1
	for id < len(table) && table[id] != nil {
		id++
	}
	if id > maxCacheID {
		return fmt.Errorf("heap %q has %d caches, the most there can be", h.name, maxCacheID)
	}
	for len(table) <= id {
		table = append(table, nil)
	}
	c.id = uint32(id)
	for i := range c.slots.s {
		c.slots.s[i].bind(c, i)
	}
	table[id] = c
	h.caches.Store(&table)
	return nil
}

// remove takes a destroyed cache off the registry.
func (h *Heap) remove(c *Cache) {
	h.mu.Lock()
	table := slices.Clone(*h.caches.Load())
	table[c.id] = nil
	h.caches.Store(&table)
	if h.byName[c.name] == c {
		delete(h.byName, c.name)
	}
	if c.own != nil {
		c.own.Store(nil)
	}
	if h.guards != nil {
		h.guards.forget(c)
	}
	h.mu.Unlock()
	if h.parent != nil {
		h.parent.disown(c)
	}
}

// cacheOf returns the cache with that id, nil if there is none.
func (h *Heap) cacheOf(id uint32) *Cache {
	if table := *h.caches.Load(); int(id) < len(table) {
		return table[id]
	}
	return nil
}
