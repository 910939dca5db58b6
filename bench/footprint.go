// Footprint: what objects take.
//
// See doc.go for an overview.

package bench

import (
	"runtime"
	"runtime/debug"

	"github.com/slabrcu/slabrcu/kmem"
)

// crowd is how many objects live at once: enough that what a heap takes in any
// case does not show.
func crowd() int {
	if raceEnabled {
		return 10_000
	}
	return 1_000_000
}

// crowds is the axis of that one number, throngs that of ten times as many.
func crowds() Axis { return ns(crowd()) }

func throngs() Axis { return ns(10_000_000) }

var footprint = &Scenario{
	Name: "Footprint",
	Desc: "Hold a million objects, or ten: bytes of memory for each, its share of descriptors and of half-filled slabs included.",
	Unit: "alloc and free of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes(), crowds()}, CPUs: oneCPU, Run: runFootprint},
		{Axes: []Axis{apis("cpu"), createFlags(), fixedSize(64), throngs()}, CPUs: oneCPU, Run: runFootprint, Long: true, Skip: notInRace},
		{Axes: []Axis{apis("any"), noFlags(), sizes(), crowds(), impls("new")}, CPUs: oneCPU, Run: footprintBaseline.run, Skip: footprintBaseline.skip},
	},
}

func oneCPU(Params) int { return 1 }

func runFootprint(r *Run) error {
	return r.withCache("footprint", func(c *kmem.Cache) error {
		h := c.Heap()
		before := h.Stats()
		if err := r.measureCrowd(c); err != nil {
			return err
		}
		objects := make([]word, r.N)
		base := settle(c, objects)
		fillInto(c, objects)
		peak := resident()
		after := h.Stats()
		for i := range objects {
			c.Free(objects[i].pointer())
		}
		perObject := func(b int64) float64 { return float64(b) / float64(r.N) }
		total := perObject(after.Live - before.Live + after.Metadata - before.Metadata)
		r.Report("B/object", total)
		r.Report("overhead-B/object", total-float64(r.Size))
		if needsResident(r.Params) == "" {
			r.Report("RSS-B/object", perObject(peak-base))
		}
		return nil
	})
}

// settle gives back what warming up left behind, so that it counts neither as
// taken nor as returned later, and returns what is resident then. The array is
// written first, for the same reason.
func settle(c *kmem.Cache, array []word) int64 {
	for i := range array {
		array[i] = 1
	}
	c.Shrink()
	c.Heap().Domain().Barrier()
	c.Heap().Trim()
	debug.FreeOSMemory()
	return resident()
}

// fillInto is fill for an array that is there.
func fillInto(c *kmem.Cache, objects []word) {
	for i := range objects {
		p := c.Alloc()
		if p == nil {
			outOfMemory(c)
		}
		touch(p, uint64(i))
		objects[i] = wordOf(p)
	}
}

// measureCrowd times filling memory with the case's objects and emptying it.
func (r *Run) measureCrowd(c *kmem.Cache) error {
	return r.Measure(func(round *Round) {
		round.CPUs(1, func(w *Worker) {
			l := c.On(w.CPU)
			objects := make([]word, r.N)
			w.SetChunk(r.N)
			w.Begin()
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
}

var footprintBaseline = baseline{
	64: newFootprint[[8]uint64], 128: newFootprint[[16]uint64], 256: newFootprint[[32]uint64],
	512: newFootprint[[64]uint64], 1024: newFootprint[[128]uint64], 4096: newFootprint[[512]uint64],
}

// newFootprint is the same on the Go heap. Its pointers are not counted, as ours
// are not.
func newFootprint[B goObject](r *Run) error {
	objects := make([]*B, r.N)
	err := r.Measure(func(round *Round) {
		round.Goroutines(1, func(w *Worker) {
			w.SetChunk(r.N)
			w.Begin()
			for w.Next() {
				for i := range objects[:w.Chunk] {
					objects[i] = new(B)
				}
				clear(objects)
			}
			w.End()
		})
	})
	if err != nil {
		return err
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range objects {
		objects[i] = new(B)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	spans := func(m *runtime.MemStats) uint64 { return m.HeapInuse + m.MSpanInuse + m.GCSys }
	total := float64(spans(&after)-spans(&before)) / float64(r.N)
	r.Report("B/object", total)
	r.Report("overhead-B/object", total-float64(r.Size))
	runtime.KeepAlive(objects)
	return nil
}
