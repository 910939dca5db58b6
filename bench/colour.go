// Colour: do the first objects of all slabs fight for the same cache lines?
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/slabrcu/slabrcu/kmem"
)

var colour = &Scenario{
	Name: "Colour",
	Desc: "Follow pointers through the first object of each slab: without colours all lie in one set of the processor's cache.",
	Unit: "step from slab to slab",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), colours(1, 8), slabs(4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)}, CPUs: oneCPU, Run: runColour},
	},
}

// colourSize is an object size with that many colours: slabs of a page hold two,
// and what is left of the page decides. 2·2048 leaves nothing, 2·1792 leaves
// eight lines.
var colourSize = map[int]int{1: 2048, 8: 1792}

func colours(v ...int) Axis {
	return fixed("colours", strconv.Itoa, func(p *Params, n int) { p.Colours, p.Size = n, colourSize[n] }, v...)
}

func slabs(v ...int) Axis {
	return fixed("slabs", strconv.Itoa, func(p *Params, n int) { p.Slabs = n }, v...)
}

func runColour(r *Run) error {
	r.Flags |= kmem.HWCacheAlign | kmem.ReclaimAccount // which holds slabs to a page
	return r.withCache("colour", func(c *kmem.Cache) error {
		g := c.Geometry()
		if g.Order != 0 || max(g.Colours, 1) != r.Colours {
			return fmt.Errorf("layout %s gives objects of %d bytes %d colours on %d pages; want %d on one",
				r.Layout, r.Size, max(g.Colours, 1), 1<<g.Order, r.Colours)
		}
		objects := fill(c, r.Slabs*g.Num, c.Alloc)
		defer func() {
			for i := range objects {
				c.Free(objects[i].pointer())
			}
		}()
		start := linkFirst(objects, word(g.SlabBytes()))
		return r.Measure(func(round *Round) {
			round.CPUs(1, func(w *Worker) {
				p := start
				w.Begin()
				for w.Next() {
					for range w.Chunk {
						p = word(read(p.pointer()))
					}
				}
				w.End()
				w.keep(uint64(p))
			})
		})
	})
}

// linkFirst links the first object of each slab into one ring in random order:
// each holds the address of the next. It returns one of them.
func linkFirst(objects []word, slab word) word {
	first := map[word]word{}
	for _, o := range objects {
		head := o &^ (slab - 1)
		if at, ok := first[head]; !ok || o < at {
			first[head] = o
		}
	}
	var ring []word
	for _, o := range first {
		ring = append(ring, o)
	}
	slices.Sort(ring) // the map's order is not ours
	rng := newRandom(0)
	for i := range ring {
		j := i + rng.below(len(ring)-i)
		ring[i], ring[j] = ring[j], ring[i]
	}
	for i := range ring {
		next := ring[(i+1)%len(ring)]
		touch(ring[i].pointer(), uint64(next))
	}
	return ring[0]
}
