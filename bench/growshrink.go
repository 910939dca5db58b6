// GrowShrink: slabs made and destroyed.
//
// See doc.go for an overview.

package bench

import (
	"fmt"

	"github.com/slabrcu/slabrcu/kmem"
)

// growSlabs is how many slabs are filled before they are emptied and destroyed.
const growSlabs = 64

var growShrink = &Scenario{
	Name:  "GrowShrink",
	Desc:  "Fill 64 slabs, free everything, shrink: what a slab's birth and death cost, its grace period included.",
	Unit:  "making and destroying one slab, its objects allocated and freed",
	Quick: true,
	Variants: []Variant{
		{Axes: []Axis{createFlags(), sizes()}, Run: growAndShrink},
	},
}

// growAndShrink gives each CPU a cache of its own, all on one heap: they meet at
// the pages and nowhere else.
func growAndShrink(r *Run) (err error) {
	world, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	defer world.close(&err)
	caches := make([]*kmem.Cache, r.CPUs)
	for i := range caches {
		if caches[i], err = world.cache(fmt.Sprintf("grow-%d", i), kmem.CacheOptions{}); err != nil {
			return err
		}
	}
	return r.Measure(func(round *Round) {
		round.CPUs(r.CPUs, func(w *Worker) {
			c := caches[w.ID]
			l := c.On(w.CPU)
			perSlab := c.Stats().ObjPerSlab
			objects := make([]word, growSlabs*perSlab)
			w.SetChunk(growSlabs)
			w.Begin()
			for w.Next() {
				part := objects[:w.Chunk*perSlab]
				for i := range part {
					p := l.Alloc()
					if p == nil {
						outOfMemory(c)
					}
					touch(p, uint64(i))
					part[i] = wordOf(p)
				}
				for i := range part {
					l.Free(part[i].pointer())
				}
				c.Shrink()
			}
			w.End()
		})
	})
}
