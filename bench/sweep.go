// Sweep: what grace periods cost while one thing grows.
//
// See doc.go for an overview.

package bench

import (
	"slices"
	"strconv"
	"time"

	"github.com/slabrcu/slabrcu/urcu"
)

var sweep = &Scenario{
	Name: "Sweep",
	Desc: "Wait for grace periods while one thing grows, which work names: readers, registered ones at rest, updaters, the length n in ns of a section, or the callbacks n of a batch.",
	Unit: "grace period, or one callback",
	Variants: slices.Concat(
		sweeps(urcu.QSBR, busyQSBR, nil),
		sweeps(urcu.Memb, busyMemb, needsMembarrier),
		sweeps(urcu.MB, busyMB, nil),
	),
}

// sweeps are the five sweeps of one flavour. Readers grow with the number of CPUs;
// updaters, which sleep most of the time, beyond it.
func sweeps(f urcu.Flavor, short busy, skip func(Params) string) []Variant {
	axes := func(work string, more ...Axis) []Axis {
		name := fixed("work", asIs, func(p *Params, s string) { p.Work = s }, work)
		return append(more, apis("registered"), flavors(f), name)
	}
	vs := []Variant{
		{Axes: axes("updaters", readers(1), updaters(1, 2, 4, 8)), Run: runSynchronize(short)},
		{Axes: axes("registered", readers(1, 16, 256, 4096), updaters(1)), Run: runScan},
		{Axes: axes("section", ns(100, 1000, 10_000, 100_000), readers(1), updaters(1)), Run: func(r *Run) error {
			return runSynchronize(longSections(time.Duration(r.N)))(r)
		}},
		{Axes: axes("callbacks", ns(1, 8, 64, 512, 4096), readers(1), updaters(1)), Run: runCalls(short, func(r *Run, q *queue, w *Worker) {
			q.run(w, r.N, q.domain.Barrier)
		})},
	}
	for i := range vs {
		vs[i].CPUs, vs[i].Skip = twoCPUs, skip
	}
	return append(vs, Variant{Axes: axes("readers", updaters(1)), Derive: otherReaders, Run: runSynchronize(short), Skip: skip})
}

// otherReaders makes all CPUs but one readers.
func otherReaders(p *Params) []Key {
	p.Readers = p.CPUs - 1
	return []Key{{"readers", strconv.Itoa(p.Readers)}}
}

// twoCPUs are as many as show a reader and an updater that meet.
func twoCPUs(Params) int { return 2 }

// runScan waits for grace periods beside readers that are registered and outside
// of sections: what it costs to look at each of them.
func runScan(r *Run) error {
	return r.withDomain(func(d *urcu.Domain) error {
		for range r.Readers {
			reader := d.Register("")
			reader.Offline()
			defer reader.Unregister()
		}
		r.CountDomain(d)
		return r.Measure(func(round *Round) {
			round.CPUs(1, func(w *Worker) {
				w.Role("updater")
				w.Begin()
				for w.Next() {
					for range w.Chunk {
						d.Synchronize()
					}
				}
				w.End()
			})
		})
	})
}

// longSections is a reader that is inside nearly always, in sections of a given
// length. The generic reader's calls are nothing beside that.
func longSections(length time.Duration) busy {
	return func(d *urcu.Domain, w *Worker) {
		reader := d.Register("long")
		defer reader.Unregister()
		w.Role("reader")
		w.Attend()
		for w.Running() {
			reader.Lock()
			stay(length)
			reader.Unlock()
			reader.QuiescentState()
		}
	}
}

// stay keeps the caller busy for a while.
func stay(length time.Duration) {
	for start := time.Now(); time.Since(start) < length; {
	}
}
