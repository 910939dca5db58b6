// CacheScratch and CacheThrash: do two CPUs get objects on one cache line?
//
// See doc.go for an overview.

package bench

import "github.com/slabrcu/slabrcu/kmem"

const (
	scratchSize  = 8   // bytes: eight objects share a line
	scratchTimes = 100 // that each byte of an object is read and written
)

var cacheThrash = &Scenario{
	Name: "CacheThrash",
	Desc: "Allocate an object of 8 bytes, write each byte 100 times, free it: slow when CPUs are given objects on one cache line.",
	Unit: "alloc, 800 writes and free of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), fixedSize(scratchSize)}, Run: runThrash(false)},
	},
}

var cacheScratch = &Scenario{
	Name: "CacheScratch",
	Desc: "The same after each CPU has freed an object that one of them had made: slow when lines stay shared after such a gift.",
	Unit: "alloc, 800 writes and free of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), fixedSize(scratchSize)}, Run: runThrash(true)},
	},
}

// runThrash measures the writes; with gifts each CPU first frees objects that
// lie beside one another and were all allocated by one CPU.
func runThrash(gifts bool) func(*Run) error {
	return func(r *Run) error {
		return r.withCache("scratch", func(c *kmem.Cache) error {
			return r.Measure(func(round *Round) {
				var given []word
				if gifts {
					given = fill(c, r.CPUs, c.Alloc)
				}
				round.CPUs(r.CPUs, func(w *Worker) {
					l := c.On(w.CPU)
					if gifts {
						l.Free(given[w.ID].pointer())
					} else {
						warm(c, l)
					}
					w.SetChunk(64)
					w.Begin()
					for w.Next() {
						for range w.Chunk {
							p := l.Alloc()
							if p == nil {
								outOfMemory(c)
							}
							b := bytesAt(p, scratchSize)
							for range scratchTimes {
								for i := range b {
									b[i]++
								}
							}
							l.Free(p)
						}
					}
					w.End()
				})
			})
		})
	}
}
