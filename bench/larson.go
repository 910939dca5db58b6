// Larson: a server whose threads die and hand their objects on.
//
// See doc.go for an overview.

package bench

import (
	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
)

const (
	larsonSlots = 5000
	larsonLife  = 100 * larsonSlots // replacements until a successor takes over
)

var larson = &Scenario{
	Name: "Larson",
	Desc: "Replace random ones of 5,000 objects, and every 500,000 times let a fresh CPU take the objects over: a server with bleeding.",
	Unit: "free and alloc of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: larsonCPU},
		{Axes: []Axis{apis("any"), createFlags(), sizes()}, Run: larsonAny},
		{Axes: []Axis{apis("cpu"), noFlags(), sizes(), impls(apart)}, Run: larsonCPU, Long: true},
	},
}

// larsonCPU gives every generation an emulated CPU of its own. The CPU that
// counts only waits for it.
func larsonCPU(r *Run) error {
	return r.withCaches("larson", func(of func(*Worker) *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				c := of(w)
				objects := fill(c, larsonSlots, c.Alloc)
				lives := newRandom(w.ID)
				w.SetChunk(larsonLife)
				w.Begin()
				for w.Next() {
					w.perf.lose() // another thread works
					seed := random(lives.next())
					smp.Run(1, func(cpu *smp.CPU) {
						l, rng := c.On(cpu), seed
						for range w.Chunk {
							rng = rng.step()
							o := &objects[rng.under(larsonSlots)]
							l.Free(o.pointer())
							p := l.Alloc()
							if p == nil {
								outOfMemory(c)
							}
							touchEnds(p, r.Size)
							*o = wordOf(p)
						}
					})
				}
				w.End()
				for i := range objects {
					c.Free(objects[i].pointer())
				}
			})
		})
	})
}

// larsonAny gives every generation a goroutine.
func larsonAny(r *Run) error {
	return r.withCache("larson", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.Goroutines(r.CPUs, func(w *Worker) {
				objects := fill(c, larsonSlots, c.Alloc)
				lives := newRandom(w.ID)
				w.SetChunk(larsonLife)
				w.Begin()
				for w.Next() {
					seed := random(lives.next())
					w.successor(func() {
						rng := seed
						for range w.Chunk {
							rng = rng.step()
							o := &objects[rng.under(larsonSlots)]
							c.Free(o.pointer())
							p := c.Alloc()
							if p == nil {
								outOfMemory(c)
							}
							touchEnds(p, r.Size)
							*o = wordOf(p)
						}
					})
				}
				w.End()
				for i := range objects {
					c.Free(objects[i].pointer())
				}
			})
		})
	})
}
