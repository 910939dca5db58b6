// Time lines: what caches, heaps and the process look like while a case runs.
//
// See doc.go for an overview.

package bench

import (
	"runtime/metrics"
	"time"
)

// Sampling says how often to look, and who is told. Its zero value never looks.
type Sampling struct {
	Every  time.Duration
	Caches bool                // tell of each cache too
	To     func(*Case, Sample) // called on a goroutine of its own, one at a time
}

// Sample is the state at one moment. Sums are over the caches and heaps of the
// case; those that it has not are 0.
type Sample struct {
	At           time.Duration // since the case began, its set-up included; the first look is at 0
	Objects      uint64        // allocated, or at hand in array caches
	Slabs        uint64
	Live         uint64 // bytes of pages of slabs
	Limbo        uint64 // bytes of pages that wait for a grace period
	Free         uint64 // bytes of free pages that may still be resident
	Resident     int64  // bytes of the process
	GracePeriods uint64 // so far
	GCs          uint64 // collections of the process so far
	GoHeap       uint64 // bytes of live and dead objects on the Go heap

	Caches []CacheSample `json:",omitempty"` // with Sampling.Caches
}

// CacheSample is the state of one cache at one moment.
type CacheSample struct {
	Name         string
	Active       uint64 // objects allocated, or at hand in array caches
	Objects      uint64 // that its slabs hold
	ObjSize      uint64 // bytes, alignment and debugging included
	ObjPerSlab   uint64
	PagesPerSlab uint64
	Slabs        uint64
	Limbo        uint64 // slabs whose pages wait for a grace period
	Trips        uint64 // shared locks taken so far
}

// start looks until the function that it returns is called.
func (s Sampling) start(c *Case, from *sources) (stop func()) {
	if s.Every <= 0 {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		began := time.Now()
		tick := time.NewTicker(s.Every)
		defer tick.Stop()
		for at := time.Duration(0); ; at = time.Since(began) {
			s.To(c, take(from, at, s.Caches))
			select {
			case <-end:
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

func take(from *sources, at time.Duration, caches bool) Sample {
	n := from.read()
	if !caches {
		n.list = nil
	}
	m := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(m)
	return Sample{
		At: at, Objects: n.objects, Slabs: n.slabs, Live: n.live, Limbo: n.limbo, Free: n.free,
		Resident: resident(), GracePeriods: n.gracePeriods,
		GCs: m[0].Value.Uint64(), GoHeap: m[1].Value.Uint64(),
		Caches: n.list,
	}
}
