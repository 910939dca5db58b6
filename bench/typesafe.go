// Typesafe: readers find objects through stale pointers and validate them, while
// a churner frees and reuses the same objects.
//
// See doc.go for an overview.

package bench

import (
	"errors"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
)

var typesafe = &Scenario{
	Name:  "Typesafe",
	Desc:  "Look up objects without a lock and make sure of them afterwards, while a churner frees and reuses them.",
	Unit:  "validated lookup",
	Quick: true,
	Variants: []Variant{{
		Axes:   []Axis{apis("registered"), typesafeFlags(), validates("lock", "ref", "seq")},
		Derive: readersAndChurner,
		Skip:   needsChurnerCPU,
		Run:    runTypesafe,
	}},
}

// typesafeFlags are the caller's flags, always with DestroyByRCU: without it
// the readers of this scenario would write into memory that is no longer an
// object. What that does is shown by -verify, in a child process.
func typesafeFlags() Axis {
	return Axis{"flags", func(s Selection) []setting {
		var flags []kmem.Flags
		for _, f := range s.flags() {
			if f |= kmem.DestroyByRCU; !slices.Contains(flags, f) {
				flags = append(flags, f)
			}
		}
		return settingsOf(flags, kmem.Flags.String, func(p *Params, f kmem.Flags) { p.Flags = f })
	}}
}

// readersAndChurner makes the last CPU the churner and all others readers.
func readersAndChurner(p *Params) []Key {
	p.Readers, p.Updaters = p.CPUs-1, 1
	return []Key{{"readers", strconv.Itoa(p.Readers)}, {"updaters", "1"}}
}

func needsChurnerCPU(p Params) string {
	if p.CPUs < 2 {
		return "needs a CPU for the churner beside the readers': 2 or more"
	}
	return ""
}

func runTypesafe(r *Run) (err error) {
	world, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	defer world.close(&err)
	a, err := newArena(world, validations[r.Validate])
	if err != nil {
		return err
	}
	defer a.drain()
	err = r.Measure(func(round *Round) {
		round.CPUs(r.CPUs, func(w *Worker) {
			if w.ID < r.Readers {
				a.read(w, world.heap.Domain())
			} else {
				a.churn(w)
			}
		})
	})
	return errors.Join(err, a.verdict())
}

// churn frees and reuses objects for as long as the readers read.
func (a *arena) churn(w *Worker) {
	local := a.entries.On(w.CPU)
	rng := newRandom(w.ID)
	updates := 0
	w.Role("churner")
	w.Attend()
	for w.Running() {
		e := a.replace(local, &a.slots[rng.below(arenaSlots)], rng.next()|1)
		if a.dead(e) {
			local.Free(e)
		}
		updates++
	}
	w.PerSec("updates/s", float64(updates))
}

// replace puts a new object in a slot and returns the old one.
func (a *arena) replace(local *kmem.TypedLocal[entry], slot *atomic.Pointer[entry], v uint64) *entry {
	e := local.Alloc()
	if e == nil {
		outOfMemory(a.entries.Cache())
	}
	a.born(e, v)
	return slot.Swap(e)
}
