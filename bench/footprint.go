// Footprint and SpikeIdle: what objects take, and what comes back.
//
// See doc.go for an overview.

package bench

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

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

// crowds is the axis of that one number.
func crowds() Axis {
	return fixed("n", strconv.Itoa, func(p *Params, n int) { p.N = n }, crowd())
}

var footprint = &Scenario{
	Name: "Footprint",
	Desc: "Hold a million objects: bytes of memory for each, its share of descriptors and of half-filled slabs included.",
	Unit: "alloc and free of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes(), crowds()}, CPUs: oneCPU, Run: runFootprint},
		{Axes: []Axis{apis("any"), noFlags(), sizes(), crowds(), impls("new")}, CPUs: oneCPU, Run: footprintBaseline.run, Skip: footprintBaseline.skip},
	},
}

func oneCPU(Params) int { return 1 }

func runFootprint(r *Run) (err error) {
	world, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	defer world.close(&err)
	c, err := world.cache("footprint", kmem.CacheOptions{})
	if err != nil {
		return err
	}
	if err := r.measureCrowd(c); err != nil {
		return err
	}
	c.Shrink()
	before := world.heap.Stats()
	objects := fill(c, r.N, c.Alloc)
	after := world.heap.Stats()
	for i := range objects {
		c.Free(objects[i].pointer())
	}
	perObject := func(b int64) float64 { return float64(b) / float64(r.N) }
	metadata := perObject(after.Metadata - before.Metadata)
	total := perObject(after.Live-before.Live) + metadata
	r.Report("B/object", total)
	r.Report("overhead-B/object", total-float64(r.Size))
	return nil
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

var spikeIdle = &Scenario{
	Name: "SpikeIdle",
	Desc: "Allocate a million objects, free a random 90 % of them, then all, and wait: how much memory goes back to the system.",
	Unit: "alloc and free of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes(), crowds()}, CPUs: oneCPU, Run: runSpikeIdle, Skip: needsResident},
	},
}

// needsResident wants a system that tells resident memory, and memory that is
// the system's and not the Go heap's.
func needsResident(Params) string {
	switch {
	case raceEnabled:
		return "under the race detector pages are memory of the Go heap"
	case resident() == 0:
		return "the system does not tell how much memory is resident"
	}
	return ""
}

func runSpikeIdle(r *Run) error {
	return r.withCache("spike", func(c *kmem.Cache) error {
		if err := r.measureCrowd(c); err != nil {
			return err
		}
		// What warming up left behind must not count as returned later.
		c.Shrink()
		c.Heap().Domain().Barrier()
		c.Heap().Trim()
		debug.FreeOSMemory()
		base := resident()
		objects := fill(c, r.N, c.Alloc)
		rng := newRandom(0)
		for i := range objects {
			j := i + rng.below(len(objects)-i)
			objects[i], objects[j] = objects[j], objects[i]
		}
		peak := resident()
		r.Report("RSS-B", float64(peak))
		returned := func() float64 { return float64(peak-resident()) / float64(max(peak-base, 1)) }

		most := len(objects) * 9 / 10
		for i := range most {
			c.Free(objects[i].pointer())
		}
		idle(r.ctx, time.Second)
		r.Report("returned-of-90%", returned())
		for i := most; i < len(objects); i++ {
			c.Free(objects[i].pointer())
		}
		for _, wait := range []struct {
			d    time.Duration
			unit string
		}{
			{100 * time.Millisecond, "returned-in-100ms"},
			{900 * time.Millisecond, "returned-in-1s"},
		} {
			idle(r.ctx, wait.d)
			r.Report(wait.unit, returned())
		}
		return r.ctx.Err()
	})
}

// idle waits, but not for an interrupted run.
func idle(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// resident returns the process's resident memory in bytes, or 0 where the system
// does not tell.
func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
