// SpikeIdle: what comes back of the memory that objects took.
//
// See doc.go for an overview.

package bench

import (
	"context"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

var spikeIdle = &Scenario{
	Name: "SpikeIdle",
	Desc: "Allocate a million objects, or ten, free a random 90 % of them, then all, and wait: how much memory goes back to the system, and what the idle process costs.",
	Unit: "alloc and free of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes(), crowds()}, CPUs: oneCPU, Run: runSpikeIdle, Skip: needsPagemap},
		{Axes: []Axis{apis("cpu"), createFlags(), fixedSize(64), throngs()}, CPUs: oneCPU, Run: runSpikeIdle, Long: true, Skip: needsPagemap},
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
		objects := make([]word, r.N)
		settle(c, objects)
		fillInto(c, objects)
		r.Report("RSS-B", float64(resident()))
		spike := extentOf(objects, r.Size)
		peak, err := spike.taken()
		if err != nil {
			return err
		}

		shuffle(objects)
		most := len(objects) * 9 / 10
		for i := range most {
			c.Free(objects[i].pointer())
		}
		if err := r.reportReturned("returned-of-90%", time.Second, spike, peak); err != nil {
			return err
		}
		for i := most; i < len(objects); i++ {
			c.Free(objects[i].pointer())
		}
		if err := r.reportReturned("returned-in-100ms", 100*time.Millisecond, spike, peak); err != nil {
			return err
		}
		if err := r.reportReturned("returned-in-1s", 900*time.Millisecond, spike, peak); err != nil {
			return err
		}
		used := cpuTime()
		idle(r.ctx, time.Second)
		r.Report("idle-cpu-fraction", (cpuTime() - used).Seconds())
		return r.ctx.Err()
	})
}

// reportReturned waits and reports which share of the bytes that the spike took at
// its peak went back. It counts the spike's own pages: what the rest of the process
// takes or gives back meanwhile would stand above the line and not below it.
func (r *Run) reportReturned(unit string, wait time.Duration, spike extent, peak int64) error {
	idle(r.ctx, wait)
	left, err := spike.taken()
	if err != nil {
		return err
	}
	r.Report(unit, float64(peak-left)/float64(max(peak, 1)))
	return nil
}

// shuffle puts words in a random order, the same each time.
func shuffle(v []word) {
	rng := newRandom(0)
	for i := range v {
		j := i + rng.below(len(v)-i)
		v[i], v[j] = v[j], v[i]
	}
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

// cpuTime returns the time that the process has spent on CPUs.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
