// Statistics: counts and the histogram of grace periods.

package urcu

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"
)

// timedEvery is how many grace periods share one measurement: two looks at the
// clock cost as much as a short grace period.
const timedEvery = 8

// Stats is a snapshot of a domain. Counts are since New.
type Stats struct {
	Name   string
	Flavor Flavor

	GracePeriods int64 // ended
	Membarriers  int64 // system calls for silent Memb readers and leases
	Parked       int64 // times that a leader slept for a late reader
	Stalls       int64 // grace periods that lasted longer than StallTimeout

	// Latency of grace periods, from the announcement of the epoch to the last
	// reader. One in 8 is measured; the values are upper bounds of buckets a
	// quarter of an octave wide.
	Samples        int64
	P50, P99, P999 time.Duration
	Longest        time.Duration // of those measured, exactly

	Queued  int64 // callbacks given to Call and Defer, and those of barriers
	Ran     int64 // callbacks that have run
	Pending int64 // the difference
	Peak    int64 // largest Pending seen in one queue when it was looked after
	Spilled int64 // callbacks that found all nearby queues taken

	Leases  int64 // words let to goroutines that enter section after section
	Recalls int64 // leases that have ended

	Readers int64 // registered
	Leaked  int64 // handles that were collected while registered
}

// stats is the domain's side of it.
type stats struct {
	ended       uint64 // written by the leader
	membarriers atomic.Int64
	parked      atomic.Int64
	leases      atomic.Int64
	recalls     atomic.Int64
	stalls      atomic.Int64
	latency     histogram // written by the leader

	spilled atomic.Int64
}

// Stats returns a snapshot. Any goroutine may call it; it takes no lock, and
// figures that belong together may be a moment apart.
func (d *Domain) Stats() Stats {
	s := Stats{
		Name: d.name, Flavor: d.flavor,
		GracePeriods: int64(atomic.LoadUint64(&d.stats.ended)),
		Membarriers:  d.stats.membarriers.Load(),
		Parked:       d.stats.parked.Load(),
		Stalls:       d.stats.stalls.Load(),
		Spilled:      d.stats.spilled.Load(),
		Leases:       d.stats.leases.Load(),
		Recalls:      d.stats.recalls.Load(),
		Readers:      d.registry.live.Load(),
		Leaked:       d.registry.leaked.Load(),
	}
	for i := range d.queues {
		q := &d.queues[i]
		s.Ran += int64(atomic.LoadUint64(&q.ran))
		s.Queued += int64(atomic.LoadUint64(&q.queued))
		s.Peak = max(s.Peak, int64(atomic.LoadUint64(&q.peak)))
	}
	s.Pending = s.Queued - s.Ran
	d.stats.latency.fill(&s)
	return s
}

// Var returns the domain's statistics as an expvar.Var:
//
//	expvar.Publish("urcu", domain.Var())
//
// This package does not import expvar itself, as that would link net/http into
// every program and serve /debug/vars unasked.
func (d *Domain) Var() fmt.Stringer { return statsVar{d} }

type statsVar struct{ d *Domain }

// String returns the statistics as JSON, as expvar wants it.
func (v statsVar) String() string {
	text, err := json.Marshal(v.d.Stats())
	if err != nil {
		panic(err) // Stats holds nothing that JSON cannot
	}
	return string(text)
}

// A histogram counts durations in buckets of a quarter of an octave, from 1 ns
// to hours. One goroutine at a time adds.
type histogram struct {
	bucket  [42 * 4]atomic.Int64
	longest atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	b := &h.bucket[bucketOf(d)]
	b.Store(b.Load() + 1)
	if int64(d) > h.longest.Load() {
		h.longest.Store(int64(d))
	}
}

// bucketOf returns 4*log2(d), rounded down by the two bits after the first.
func bucketOf(d time.Duration) int {
	v := uint64(max(d, 4))
	e := bits.Len64(v) - 1
	return min(4*(e-2)+int(v>>(e-2)&3), 42*4-1)
}

// bucketTop is the smallest duration above bucket i.
func bucketTop(i int) time.Duration {
	return time.Duration(uint64(4+i%4+1) << (i / 4))
}

// fill writes the percentiles into s.
func (h *histogram) fill(s *Stats) {
	var count [len(h.bucket)]int64
	for i := range h.bucket {
		count[i] = h.bucket[i].Load()
		s.Samples += count[i]
	}
	at := func(share float64) time.Duration {
		left := int64(share * float64(s.Samples))
		for i, n := range count {
			if left -= n; left < 0 {
				return bucketTop(i)
			}
		}
		return 0
	}
	s.P50, s.P99, s.P999 = at(0.5), at(0.99), at(0.999)
	s.Longest = time.Duration(h.longest.Load())
}
