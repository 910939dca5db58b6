// Pair: allocate an object, write a word into it, free it.
//
// See doc.go for an overview.

package bench

import "github.com/slabrcu/slabrcu/kmem"

var pair = &Scenario{
	Name:  "Pair",
	Desc:  "Allocate one object, write to it, free it: the shortest life there is.",
	Unit:  "alloc and free of one object",
	Quick: true,
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: pairCPU},
		{Axes: []Axis{apis("cpu"), createFlags(), sizes(), live(2)}, Run: pairOfTwo, Long: true},
		{Axes: []Axis{apis("any"), createFlags(), sizes()}, Run: pairAny},
		{Axes: []Axis{apis("any"), noFlags(), sizes(), impls("syncpool")}, Run: poolBaseline.run, Skip: poolBaseline.skip},
		{Axes: []Axis{apis("any"), noFlags(), sizes(), impls("new")}, Run: newBaseline.run, Skip: newBaseline.skip},
	},
}

// pairCPU runs on the handles of emulated CPUs.
func pairCPU(r *Run) error {
	return r.withCache("pair", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				l := c.On(w.CPU)
				warm(c, l)
				w.Begin()
				for w.Next() {
					for i := range w.Chunk {
						p := l.Alloc()
						touch(p, uint64(i))
						l.Free(p)
					}
				}
				w.End()
			})
		})
	})
}

// pairOfTwo holds two objects at once: allocate two, free both in that order.
func pairOfTwo(r *Run) error {
	return r.withCache("pair", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				l := c.On(w.CPU)
				warm(c, l)
				w.Begin()
				for w.Next() {
					for i := 0; i < w.Chunk; i += 2 {
						p := l.Alloc()
						touch(p, uint64(i))
						q := l.Alloc()
						touch(q, uint64(i))
						l.Free(p)
						l.Free(q)
					}
				}
				w.End()
			})
		})
	})
}

// pairAny runs in plain goroutines.
func pairAny(r *Run) error {
	return r.withCache("pair", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.Goroutines(r.CPUs, func(w *Worker) {
				w.Begin()
				for w.Next() {
					for i := range w.Chunk {
						p := c.Alloc()
						if p == nil {
							outOfMemory(c)
						}
						touch(p, uint64(i))
						c.Free(p)
					}
				}
				w.End()
			})
		})
	})
}

// warm makes sure that the cache has a slab and the CPU has an object of it, so
// that the loop need not look for failure: it holds at most two objects.
func warm(c *kmem.Cache, l *kmem.Local) {
	p, q := l.Alloc(), l.Alloc()
	if p == nil || q == nil {
		outOfMemory(c)
	}
	l.Free(p)
	l.Free(q)
}

// withCache runs body with a fresh cache of the case's size and flags.
func (r *Run) withCache(name string, body func(*kmem.Cache) error) (err error) {
	w, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	defer w.close(&err)
	c, err := w.cache(name, kmem.CacheOptions{})
	if err != nil {
		return err
	}
	return body(c)
}
