// Worlds: the heap and cache that an allocator scenario runs on.
//
// See doc.go for an overview.

package bench

import (
	"errors"
	"fmt"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
)

// Address space of a scenario's heap. It is reserved and not used: the
// default of kmem would do too, but a run of many samples makes many heaps, and
// a closed heap's addresses are never used again.
const reserveBytes = 8 << 30

// world is one heap and its caches. They are counted.
type world struct {
	run    *Run
	heap   *kmem.Heap
	caches []*kmem.Cache
}

// reserve returns the address space of a heap; 0 leaves it to kmem.
func (r *Run) reserve() uintptr {
	if r.Heap.Reserve == 0 && !raceEnabled {
		return reserveBytes
	}
	return r.Heap.Reserve
}

// newWorld makes a heap for the case. The domain is nil for the default one.
func (r *Run) newWorld(d *urcu.Domain) (*world, error) {
	h, err := kmem.NewHeap(kmem.HeapOptions{
		Name:    "bench",
		Reserve: r.reserve(),
		Limit:   r.Heap.Limit,
		Domain:  d,
		Layout:  r.Layout,

		ProfileRate: r.Heap.ProfileRate,
	})
	if err != nil {
		return nil, err
	}
	r.CountHeap(h)
	r.CountDomain(h.Domain())
	return &world{run: r, heap: h}, nil
}

// cache makes a cache of objects of the case's size and flags.
func (w *world) cache(name string, o kmem.CacheOptions) (*kmem.Cache, error) {
	o.Flags |= w.run.Flags
	c, err := w.heap.NewCache(name, w.run.Size, o)
	if err != nil {
		return nil, err
	}
	w.count(c)
	return c, nil
}

// count makes a cache the world's own and reports what it does.
func (w *world) count(c *kmem.Cache) {
	w.caches = append(w.caches, c)
	w.run.CountCache(c)
}

// close takes the world down. What it finds, such as objects still out, is the
// scenario's own fault and is joined to err.
func (w *world) close(err *error) {
	w.run.sources.stop()
	closeHeap(w.heap, err, w.caches...)
}

// closeHeap destroys the caches, waits for their limbo, and closes the heap.
func closeHeap(h *kmem.Heap, err *error, caches ...*kmem.Cache) {
	if e := destroyHeap(h, caches...); e != nil {
		*err = errors.Join(*err, fmt.Errorf("closing the heap: %w", e))
	}
}

func destroyHeap(h *kmem.Heap, caches ...*kmem.Cache) error {
	for _, c := range caches {
		if err := c.Destroy(); err != nil {
			return err
		}
	}
	return h.Close()
}

// outOfMemory ends a worker whose allocation failed. The run goes on without
// this case, and the reason is the allocator's.
func outOfMemory(c *kmem.Cache) {
	_, err := c.TryAlloc()
	if err == nil {
		err = kmem.ErrNoMemory
	}
	panic(err)
}

// closeDomain ends a scenario's own domain.
func closeDomain(d *urcu.Domain, err *error) {
	if e := d.Close(); e != nil {
		*err = errors.Join(*err, fmt.Errorf("closing the domain: %w", e))
	}
}
