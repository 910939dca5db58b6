// Collector: what live objects cost the garbage collector, on its heap and off it.
//
// See doc.go for an overview.

package bench

import (
	"runtime"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

var collector = &Scenario{
	Name: "Collector",
	Desc: "Hold many linked objects and make garbage beside them: what a collection takes when they live here, and when on the Go heap.",
	Unit: "short-lived allocation on the Go heap",
	Variants: []Variant{
		{Axes: []Axis{createFlags(), holds(100_000, 1_000_000)}, CPUs: oneCPU, Run: collectOurs},
		{Axes: []Axis{noFlags(), holds(100_000, 1_000_000), impls("new")}, CPUs: oneCPU, Run: collectGo},
		{Axes: []Axis{createFlags(), holds(10_000_000)}, CPUs: oneCPU, Run: collectOurs, Setup: linking(50 * time.Nanosecond), Long: true, Skip: notInRace},
		{Axes: []Axis{noFlags(), holds(10_000_000), impls("new")}, CPUs: oneCPU, Run: collectGo, Setup: linking(250 * time.Nanosecond), Long: true, Skip: notInRace},
	},
}

// holds is the axis of the number of live objects. They have 64 bytes.
func holds(v ...int) Axis {
	return fixed("n", strconv.Itoa, func(p *Params, n int) { p.N, p.Size = n, 64 }, v...)
}

// linking is what it takes to make the live objects, at so much for each.
func linking(each time.Duration) func(Params) time.Duration {
	return func(p Params) time.Duration { return time.Duration(p.N) * each }
}

func notInRace(Params) string {
	if raceEnabled {
		return "under the race detector pages are memory of the Go heap, and few"
	}
	return ""
}

// node is an object of the Go heap with a link, which the collector follows.
type node struct {
	next *node
	_    [7]uint64
}

func collectGo(r *Run) error {
	var head *node
	for range r.N {
		head = &node{next: head}
	}
	err := r.measureGarbage()
	runtime.KeepAlive(head)
	return err
}

func collectOurs(r *Run) error {
	return r.withCache("collector", func(c *kmem.Cache) error {
		var head word
		for range r.N {
			p := c.Alloc()
			if p == nil {
				outOfMemory(c)
			}
			touch(p, uint64(head))
			head = wordOf(p)
		}
		err := r.measureGarbage()
		for head != 0 {
			p := head.pointer()
			head = word(read(p))
			c.Free(p)
		}
		return err
	})
}

// forced is how many collections are forced and timed.
const forced = 3

// measureGarbage times allocations that die at once, with the collections that
// they cause, and then collections alone.
func (r *Run) measureGarbage() error {
	runtime.GC()
	var before, after gcCost
	err := r.Measure(func(round *Round) {
		round.Goroutines(1, func(w *Worker) {
			w.Begin()
			before.read()
			for w.Next() {
				for i := range w.Chunk {
					fresh[[8]uint64]()[0] = uint64(i)
				}
			}
			after.read()
			w.End()
		})
	})
	if err != nil {
		return err
	}
	begin := time.Now()
	for range forced {
		runtime.GC()
	}
	r.Report("gc-ns", float64(time.Since(begin).Nanoseconds())/forced)
	if after.cycles > before.cycles { // else nothing is known: the runtime adds up at the end of each
		r.Report("gc-cpu-fraction", (after.gc-before.gc)/max(after.total-before.total, 1e-9))
	}
	r.Report("RSS-B", float64(resident()))
	return nil
}

// gcCost is CPU time in seconds, and collections, since the process began.
type gcCost struct {
	gc, total float64
	cycles    uint64
}

func (c *gcCost) read() {
	s := []metrics.Sample{
		{Name: "/cpu/classes/gc/total:cpu-seconds"},
		{Name: "/cpu/classes/total:cpu-seconds"},
		{Name: "/cpu/classes/idle:cpu-seconds"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(s)
	c.gc, c.total = s[0].Value.Float64(), s[1].Value.Float64()-s[2].Value.Float64()
	c.cycles = s[3].Value.Uint64()
}
