// Caches that a heap makes for itself when they are first wanted, under the eyes
// of its users: the general caches.

package kmem

import (
	"fmt"
	"sync/atomic"
)

// ownCache returns the cache that the heap keeps at place, and makes it if there
// is none. The error wraps [ErrExists] or [ErrClosed].
func (h *Heap) ownCache(place *atomic.Pointer[Cache], name string, size int, flags Flags) (*Cache, error) {
	if c := place.Load(); c != nil {
		return c, nil
	}
	c, err := h.buildCache(name, size, CacheOptions{Flags: flags})
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if first := place.Load(); first != nil {
		return first, nil
	}
	if h.closed {
		return nil, fmt.Errorf("%w: heap %q", ErrClosed, h.name)
	}
	c.own = place
	if err := h.addLocked(c); err != nil {
		return nil, err
	}
	place.Store(c)
	return c, nil
}

// destroyOwn destroys the caches that the heap made for itself.
func (h *Heap) destroyOwn() error {
	h.mu.Lock()
	var own []*Cache
	for _, c := range h.byName {
		if c.own != nil {
			own = append(own, c)
		}
	}
	h.mu.Unlock()
	for _, c := range own {
		if err := c.Destroy(); err != nil {
			return err
		}
	}
	return nil
}
