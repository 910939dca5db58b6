// Synchronize: an updater waits for grace periods, alone or beside a reader
// that is never idle.
//
// See doc.go for an overview.

package bench

import (
	"time"

	"github.com/slabrcu/slabrcu/urcu"
)

var synchronize = &Scenario{
	Name:  "Synchronize",
	Desc:  "Wait for a grace period, with no reader and beside one that reads all the time.",
	Unit:  "grace period",
	Quick: true,
	Variants: []Variant{
		{Axes: updaterAxes(urcu.QSBR), CPUs: onePlusReaders, Run: runSynchronize(busyQSBR)},
		{Axes: updaterAxes(urcu.Memb), CPUs: onePlusReaders, Run: runSynchronize(busyMemb), Skip: needsMembarrier},
		{Axes: updaterAxes(urcu.MB), CPUs: onePlusReaders, Run: runSynchronize(busyMB)},
	},
}

// updaterAxes are the keys of one updater, alone and beside a busy reader.
func updaterAxes(f urcu.Flavor) []Axis {
	return []Axis{apis("registered"), flavors(f), readers(0, 1), updaters(1)}
}

// onePlusReaders is a CPU for the updater and one for each busy reader.
func onePlusReaders(p Params) int { return 1 + p.Readers }

// clockEvery is how often an operation is timed by itself. Reading the clock
// takes some 45 ns, half of the shortest grace periods; every sixteenth adds 3 ns.
const clockEvery = 16

// busy is a reader that reads all the time until the round is over.
type busy func(*urcu.Domain, *Worker)

func runSynchronize(reader busy) func(*Run) error {
	return func(r *Run) error {
		r.Latencies("ns")
		return r.withDomain(func(d *urcu.Domain) error {
			r.CountDomain(d)
			return r.Measure(func(round *Round) {
				round.CPUs(r.Updaters+r.Readers, func(w *Worker) {
					if w.ID >= r.Updaters {
						reader(d, w)
						return
					}
					w.SetChunk(clockEvery)
					w.Role("updater")
					w.Begin()
					for w.Next() {
						begin := time.Now()
						d.Synchronize()
						w.Record(time.Since(begin))
						for range w.Chunk - 1 {
							d.Synchronize()
						}
					}
					w.End()
				})
			})
		})
	}
}

// busyLook is how many sections a busy reader runs between two looks at the
// round.
const busyLook = 1024

func busyQSBR(d *urcu.Domain, w *Worker) {
	reader := d.RegisterQSBR("busy")
	defer reader.Unregister()
	shared := published()
	var sum uint64
	w.Role("reader")
	w.Attend()
	for w.Running() {
		for range quiescentEvery {
			reader.Lock()
			sum += shared.Load().value
			reader.Unlock()
		}
		reader.QuiescentState()
	}
	w.keep(sum)
}

func busyMemb(d *urcu.Domain, w *Worker) {
	reader := d.RegisterMemb("busy")
	defer reader.Unregister()
	shared := published()
	var sum uint64
	w.Role("reader")
	w.Attend()
	for w.Running() {
		for range busyLook {
			reader.Lock()
			sum += shared.Load().value
			reader.Unlock()
		}
	}
	w.keep(sum)
}

func busyMB(d *urcu.Domain, w *Worker) {
	reader := d.RegisterMB("busy")
	defer reader.Unregister()
	shared := published()
	var sum uint64
	w.Role("reader")
	w.Attend()
	for w.Running() {
		for range busyLook {
			reader.Lock()
			sum += shared.Load().value
			reader.Unlock()
		}
	}
	w.keep(sum)
}
