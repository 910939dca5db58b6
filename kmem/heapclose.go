// The end of a heap: first all that works on it, then its memory and its addresses.

package kmem

import "fmt"

// Close ends the heap. All its caches must have been destroyed before; the first
// that was not is a [*BusyError]. Afterwards every access to the heap's
// addresses faults, and they are never used again. When the system refuses to
// take the memory back, the error says so, the heap can do nothing any more but
// close, and Close may be called again. It panics when the heap is closed
// already.
func (h *Heap) Close() error {
	if err := h.shut(); err != nil {
		return err
	}
	if err := h.retire(); err != nil {
		return fmt.Errorf("kmem: Close of heap %q: %w", h.name, err)
	}
	return nil
}

// shut ends everything that works on the heap. What is done stays done, so it
// can be called again.
func (h *Heap) shut() error {
	h.mu.Lock()
	if h.retired {
		h.mu.Unlock()
		panic(fmt.Sprintf("kmem: Close of heap %q: closed already", h.name))
	}
	for name, c := range h.byName {
		if c.own != nil {
			continue
		}
		h.mu.Unlock()
		return &BusyError{Op: "Close", Name: name, Objects: c.Stats().Active}
	}
	h.mu.Unlock()
	if err := h.destroyOwn(); err != nil {
		return fmt.Errorf("kmem: Close of heap %q: %w", h.name, err)
	}
	if dma := h.dma.Load(); dma != nil {
		if err := dma.Close(); err != nil {
			return err
		}
		h.dma.Store(nil)
	}
	h.mu.Lock()
	if len(h.byName) > 0 { // somebody wanted a cache of the heap's own meanwhile
		h.mu.Unlock()
		return h.shut()
	}
	first := !h.closed
	h.closed = true
	h.mu.Unlock()
	if first {
		h.cancel()
		h.reaper.end()
		if h.guards != nil {
			h.guards.close()
		}
	}
	for name, d := range h.inner {
		if err := d.Destroy(); err != nil {
			return fmt.Errorf("kmem: Close of heap %q: %w", h.name, err)
		}
		delete(h.inner, name) // nobody else is there
	}
	return nil
}

// retire gives the memory back and spends the addresses.
func (h *Heap) retire() error {
	h.end.Store(0)
	if err := h.buddy.region.Retire(); err != nil {
		return err
	}
	if err := h.buddy.table.Retire(); err != nil {
		return err
	}
	removeHeap(h)
	h.mu.Lock()
	h.retired = true
	h.mu.Unlock()
	return nil
}
