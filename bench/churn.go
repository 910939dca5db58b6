// Churn: what deferring every free costs, against reuse at once.
//
// See doc.go for an overview.

package bench

import (
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
)

var churn = &Scenario{
	Name: "Churn",
	Desc: "Replace objects under readers in three ways: reuse them at once (DestroyByRCU), free each by a callback, free batches after a grace period.",
	Unit: "lookup",
	Variants: []Variant{
		{Axes: []Axis{apis("registered"), typesafeFlags(), reuses("typesafe")}, Derive: readersAndUpdaters, Skip: needsChurnerCPU, Run: runChurn},
		{Axes: []Axis{apis("registered"), createFlags(), reuses("per-object")}, Derive: readersAndUpdaters, Skip: needsChurnerCPU, Run: runChurn},
		{Axes: []Axis{apis("registered"), createFlags(), reuses("per-batch")}, Derive: readersAndUpdaters, Skip: needsChurnerCPU, Run: runChurn},
	},
}

// readersAndUpdaters makes half of the CPUs updaters.
func readersAndUpdaters(p *Params) []Key {
	p.Updaters = p.CPUs / 2
	p.Readers = p.CPUs - p.Updaters
	return []Key{{"readers", strconv.Itoa(p.Readers)}, {"updaters", strconv.Itoa(p.Updaters)}}
}

// churnBatch is how many objects wait for one grace period with reuse=per-batch.
const churnBatch = 256

// deferral counts objects between their last use and their free.
type deferral struct {
	arena  *arena
	domain *urcu.Domain
	now    atomic.Int64
	peak   atomic.Int64
}

func (d *deferral) add(n int64) {
	now := d.now.Add(n)
	for peak := d.peak.Load(); now > peak && !d.peak.CompareAndSwap(peak, now); {
		peak = d.peak.Load()
	}
}

// bytes returns the most memory that waited at once.
func (d *deferral) bytes() float64 { return float64(d.peak.Load()) * float64(entrySize) }

// freed is the arena whose objects callbacks free now: a head has no room for a
// pointer, so one at a time is measured.
var (
	freed     atomic.Pointer[deferral]
	freedTurn sync.Mutex
)

var freeEntry = urcu.NewCallback("bench.churn", func(h *urcu.Head) {
	d := freed.Load()
	d.arena.entries.Free(entryOf(h))
	d.now.Add(-1)
})

// validationOf says how readers make sure of an object that is reused in a way.
func validationOf(reuse string) validation {
	if reuse == "typesafe" {
		return bySeq
	}
	return byGrace
}

func runChurn(r *Run) (err error) {
	freedTurn.Lock()
	defer freedTurn.Unlock()
	world, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	defer world.close(&err)
	a, err := newArena(world, validationOf(r.Reuse))
	if err != nil {
		return err
	}
	defer a.drain()
	d := &deferral{arena: a, domain: world.heap.Domain()}
	freed.Store(d)
	defer d.domain.Barrier()
	err = r.Measure(func(round *Round) {
		d.peak.Store(0)
		round.CPUs(r.CPUs, func(w *Worker) {
			if w.ID < r.Readers {
				a.read(w, d.domain)
			} else {
				w.Role("updater")
				w.Attend()
				w.PerSec("updates/s", float64(d.update(w, r.Reuse)))
			}
		})
	})
	r.Report("deferred-peak-B", d.bytes())
	return errors.Join(err, a.verdict())
}

// update replaces objects for as long as the readers read, and returns how many.
func (d *deferral) update(w *Worker, reuse string) (updates int) {
	local := d.arena.entries.On(w.CPU)
	rng := newRandom(w.ID)
	var batch []*entry
	for w.Running() {
		e := d.arena.replace(local, &d.arena.slots[rng.below(arenaSlots)], rng.next()|1)
		updates++
		switch reuse {
		case "typesafe":
			if d.arena.dead(e) {
				local.Free(e)
			}
		case "per-object":
			d.add(1)
			d.domain.Call(&e.head, freeEntry)
			if updates%callsDriven == 0 {
				d.domain.Drive()
			}
		case "per-batch":
			if batch = append(batch, e); len(batch) == churnBatch {
				batch = d.flush(local, batch)
			}
		}
	}
	d.flush(local, batch)
	return updates
}

// flush waits for a grace period and frees a batch.
func (d *deferral) flush(local *kmem.TypedLocal[entry], batch []*entry) []*entry {
	if len(batch) == 0 {
		return batch
	}
	d.add(int64(len(batch)))
	d.domain.Synchronize()
	for _, e := range batch {
		local.Free(e)
	}
	d.now.Add(-int64(len(batch)))
	return batch[:0]
}

var stalledReader = &Scenario{
	Name: "StalledReader",
	Desc: "Replace objects while one reader stays in its section all the time: reuse at once stays flat, callbacks pile up.",
	Unit: "replaced object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), typesafeFlags(), reuses("typesafe")}, Run: runStalled},
		{Axes: []Axis{apis("cpu"), createFlags(), reuses("per-object")}, Run: runStalled},
	},
}

// stalledLimit bounds what a stalled reader can make pile up, in bytes.
const stalledLimit = 256 << 20

func runStalled(r *Run) (err error) {
	freedTurn.Lock()
	defer freedTurn.Unlock()
	if r.Heap.Limit == 0 {
		r.Heap.Limit = stalledLimit
	}
	world, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	defer world.close(&err)
	a, err := newArena(world, validationOf(r.Reuse))
	if err != nil {
		return err
	}
	defer a.drain()
	d := &deferral{arena: a, domain: world.heap.Domain()}
	freed.Store(d)
	defer d.domain.Barrier()
	err = r.Measure(func(round *Round) {
		d.domain.Barrier() // what the last round left
		d.peak.Store(0)
		section := d.domain.Enter()
		defer section.Exit()
		round.CPUs(r.CPUs, func(w *Worker) { d.replaceAll(w, r.Reuse) })
	})
	r.Report("deferred-peak-B", d.bytes())
	return err
}

// replaceAll measures replacements beside a reader that never leaves. At the
// heap's limit there is nothing left to replace with: the update is refused.
func (d *deferral) replaceAll(w *Worker, reuse string) {
	local := d.arena.entries.On(w.CPU)
	rng := newRandom(w.ID)
	refused := 0
	w.SetChunk(callsDriven)
	w.Role("updater")
	w.Begin()
	for w.Next() {
		for range w.Chunk {
			e := local.Alloc()
			if e == nil {
				refused++
				runtime.Gosched()
				continue
			}
			d.arena.born(e, rng.next()|1)
			old := d.arena.slots[rng.below(arenaSlots)].Swap(e)
			if reuse == "typesafe" {
				d.arena.dead(old)
				local.Free(old)
			} else {
				d.add(1)
				d.domain.Call(&old.head, freeEntry)
			}
		}
	}
	w.End()
	w.PerOp("refused/op", float64(refused))
}
