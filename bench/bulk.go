// Bulk: many objects in one call.
//
// See doc.go for an overview.

package bench

import "github.com/slabrcu/slabrcu/kmem"

var bulk = &Scenario{
	Name: "Bulk",
	Desc: "Allocate n objects in one call and free them in another: what a caller saves who knows how many it needs.",
	Unit: "alloc and free of one object of a bulk",
	Variants: []Variant{
		{Axes: []Axis{apis("bulk"), createFlags(), sizes(), ns(1, 2, 4, 8, 16, 32, 64, 128, 256)}, Run: runBulk},
	},
}

func runBulk(r *Run) error {
	return r.withCache("bulk", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				l := c.On(w.CPU)
				objects := make([]kmem.Pointer, r.N)
				w.SetChunk(max(defaultChunk/r.N, 1) * r.N)
				w.Begin()
				for w.Next() {
					for left := w.Chunk; left > 0; left -= r.N {
						part := objects[:min(left, r.N)]
						if err := l.AllocBulk(part); err != nil {
							panic(err)
						}
						for i, p := range part {
							touch(p, uint64(i))
						}
						l.FreeBulk(part)
					}
				}
				w.End()
			})
		})
	})
}
