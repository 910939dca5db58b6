// Batch10k and RandomLive100k: many objects alive on their own CPU.
//
// See doc.go for an overview.

package bench

import "github.com/slabrcu/slabrcu/kmem"

const (
	batchObjects  = 10_000
	warmBatches   = 16 // after eight an array holds what a batch has
	randomObjects = 100_000
)

var batch10k = &Scenario{
	Name:  "Batch10k",
	Desc:  "Allocate 10,000 objects, then free them in the same order: the arrays overflow and the slabs work.",
	Unit:  "alloc and free of one object",
	Quick: true,
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: batchCPU},
		{Axes: []Axis{apis("any"), createFlags(), sizes()}, Run: batchAny, Long: true},
		{Axes: []Axis{apis("cpu"), noFlags(), sizes(), impls(apart)}, Run: batchCPU, Long: true},
	},
}

var randomLive100k = &Scenario{
	Name:  "RandomLive100k",
	Desc:  "Keep 100,000 objects alive; a new one takes the place of a random one, and that is freed: such objects lie all over the slabs.",
	Unit:  "alloc and free of one object",
	Quick: true,
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: randomCPU},
		{Axes: []Axis{apis("any"), createFlags(), sizes()}, Run: randomAny, Long: true},
		{Axes: []Axis{apis("cpu"), noFlags(), sizes(), impls(apart)}, Run: randomCPU, Long: true},
	},
}

func batchCPU(r *Run) error {
	return r.withCaches("batch", func(of func(*Worker) *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				c := of(w)
				l := c.On(w.CPU)
				objects := make([]word, batchObjects)
				w.SetChunk(batchObjects)
				w.BeginAfter(warmBatches)
				for w.Next() {
					part := objects[:w.Chunk]
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
				}
				w.End()
			})
		})
	})
}

func batchAny(r *Run) error {
	return r.withCache("batch", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.Goroutines(r.CPUs, func(w *Worker) {
				objects := make([]word, batchObjects)
				w.SetChunk(batchObjects)
				w.BeginAfter(warmBatches)
				for w.Next() {
					part := objects[:w.Chunk]
					for i := range part {
						p := c.Alloc()
						if p == nil {
							outOfMemory(c)
						}
						touch(p, uint64(i))
						part[i] = wordOf(p)
					}
					for i := range part {
						c.Free(part[i].pointer())
					}
				}
				w.End()
			})
		})
	})
}

func randomCPU(r *Run) error {
	return r.withCaches("random", func(of func(*Worker) *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				c := of(w)
				l := c.On(w.CPU)
				objects := fill(c, randomObjects, l.Alloc)
				rng := newRandom(w.ID)
				w.Begin()
				for w.Next() {
					for i, n := 0, w.Chunk; i < n; i++ {
						p := l.Alloc()
						if p == nil {
							outOfMemory(c)
						}
						touch(p, uint64(i))
						i, rng = i^nought, rng.step()
						k := rng.under(len(objects))
						old := objects[k].pointer()
						objects[k] = wordOf(p)
						l.Free(old)
					}
				}
				w.End()
				for k := range objects {
					l.Free(objects[k].pointer())
				}
			})
		})
	})
}

// nought is 0, unknown to the compiler. What it is XORed to between two calls is
// another variable from there on, and each of them lives over one call: it is stored on
// the slow path of that call. A variable that lives over both is stored in every turn,
// where in C it stays in a register. RandomLive100k waits for its stores, each of which
// costs it 2 ns an operation where objects are of 256 bytes.
var nought int

func randomAny(r *Run) error {
	return r.withCache("random", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			round.Goroutines(r.CPUs, func(w *Worker) {
				objects := fill(c, randomObjects, c.Alloc)
				rng := newRandom(w.ID)
				w.Begin()
				for w.Next() {
					for i := range w.Chunk {
						p := c.Alloc()
						if p == nil {
							outOfMemory(c)
						}
						touch(p, uint64(i))
						rng = rng.step()
						k := rng.under(len(objects))
						old := objects[k].pointer()
						objects[k] = wordOf(p)
						c.Free(old)
					}
				}
				w.End()
				for k := range objects {
					c.Free(objects[k].pointer())
				}
			})
		})
	})
}
