// Sh6: arrays freed in order and in reverse, around a window that survives.
//
// See doc.go for an overview.

package bench

import "github.com/slabrcu/slabrcu/kmem"

const (
	sh6Objects = 10_000
	sh6Window  = sh6Objects / 5
)

var sh6 = &Scenario{
	Name: "Sh6",
	Desc: "Fill 10,000 places, keep a moving fifth of them, free what is below in order and what is above in reverse.",
	Unit: "alloc and free of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: sh6CPU},
		{Axes: []Axis{apis("cpu"), noFlags(), sizes(), impls(apart)}, Run: sh6CPU, Long: true},
	},
}

func sh6CPU(r *Run) error {
	return r.withCaches("sh6", func(of func(*Worker) *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				c := of(w)
				l := c.On(w.CPU)
				objects := fill(c, sh6Objects, l.Alloc)
				low := 0
				w.SetChunk(sh6Objects - sh6Window)
				w.BeginAfter(warmBatches)
				for w.Next() {
					left := w.Chunk
					for i := 0; i < low && left > 0; i++ {
						l.Free(objects[i].pointer())
						objects[i] = 0
						left--
					}
					for i := sh6Objects - 1; i >= low+sh6Window && left > 0; i-- {
						l.Free(objects[i].pointer())
						objects[i] = 0
						left--
					}
					for i := range objects {
						if objects[i] != 0 {
							continue
						}
						p := l.Alloc()
						if p == nil {
							outOfMemory(c)
						}
						touch(p, uint64(i))
						objects[i] = wordOf(p)
					}
					if low += sh6Window; low == sh6Objects {
						low = 0
					}
				}
				w.End()
				for i := range objects {
					l.Free(objects[i].pointer())
				}
			})
		})
	})
}
