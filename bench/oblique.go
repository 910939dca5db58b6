// Oblique: readers come to anon_vmas from pages, while processes fork, exit, unmap
// and write.
//
// See doc.go for an overview.

package bench

import (
	"errors"
	"fmt"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/rmap"
)

var oblique = &Scenario{
	Name: "Oblique",
	Desc: "Lock the anon_vma that a page leads to, while processes fork, exit, unmap and write; beside it the roads not taken.",
	Unit: "lookup from a page",
	Variants: []Variant{
		{Axes: []Axis{typesafeFlags(), works(), impls("slabrcu")}, Derive: readersAndWorker, Skip: needsWorkerCPU, Run: runOblique},
		{Axes: []Axis{noFlags(), works(), impls("refcount", "biglock")}, Derive: readersAndWorker, Skip: needsWorkerCPU, Run: runOblique},
		// The road of the patch with slabs that never go: what it would be like
		// without the flag, if that were safe.
		{Axes: []Axis{noFlags(), works(), impls("pinned")}, Derive: readersAndWorker, Skip: needsWorkerCPU, Run: runOblique},
	},
	Turns: []string{"impl"},
}

// works is what the last CPU does to the pages that the others look at. With idle
// there is none, and all CPUs are readers.
func works() Axis {
	return fixed("work", asIs, func(p *Params, s string) { p.Work = s }, "idle", "forkexit", "munmap", "cow", "mixed")
}

// readersAndWorker makes the last CPU the worker and all others readers.
func readersAndWorker(p *Params) []Key {
	if p.Work == "idle" {
		p.Readers = p.CPUs
		return []Key{{"readers", fmt.Sprint(p.Readers)}}
	}
	return readersAndChurner(p)
}

func needsWorkerCPU(p Params) string {
	if p.Work == "idle" {
		return ""
	}
	return needsChurnerCPU(p)
}

const (
	obliqueFamilies = 256 // address spaces, each of a family of its own
	obliquePages    = 8   // that each has
	obliqueFrames   = obliqueFamilies * obliquePages * 5 / 4
	obliqueEach     = 4096 // updates after which all families go at once, and their slabs
	obliqueWalk     = 64   // lookups to one walk of a list
	obliquePinned   = 4096 // anon_vmas that slabs are made for where they are pinned
)

// oblique machine and its processes. The worker owns the processes.
type obliqueWorld struct {
	*world
	machine *rmap.Machine
	mms     [obliqueFamilies]*rmap.MM
	pinned  []word
}

func runOblique(r *Run) (err error) {
	w, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	o := &obliqueWorld{world: w}
	impl := rmap.SlabRCU
	if r.Impl != "pinned" {
		if err := impl.UnmarshalText([]byte(r.Impl)); err != nil {
			return errors.Join(err, w.heap.Close())
		}
	}
	o.machine, err = rmap.New(rmap.Options{
		Heap: w.heap, Flags: r.Flags, Impl: impl,
		Frames: obliqueFrames, Swap: 4 * obliqueFrames,
	})
	if err != nil {
		return errors.Join(err, w.heap.Close())
	}
	r.CountCache(o.machine.AnonVMAs().Cache())
	defer func() { err = errors.Join(err, o.close()) }()
	if r.Impl == "pinned" {
		o.pin()
	}
	if err := o.fill(); err != nil {
		return err
	}
	return r.Measure(func(round *Round) {
		round.CPUs(r.CPUs, func(w *Worker) {
			task := o.machine.NewTask(w.CPU, "oblique")
			defer task.Close()
			if w.ID < r.Readers {
				o.read(w, task)
			} else {
				o.work(w, task, r.Work)
			}
		})
	})
}

// read measures lookups of pages chosen at random. Now and then it walks the
// list, as a scanner does that wants to know whether the page is in use.
func (o *obliqueWorld) read(w *Worker, task *rmap.Task) {
	rng := newRandom(w.ID)
	m := o.machine
	w.SetChunk(obliqueWalk)
	w.Role("reader")
	w.Begin()
	for w.Next() {
		for range w.Chunk {
			rng = rng.step()
			if av := task.Approach(m.Frame(rng.under(obliqueFrames))); av != nil {
				task.Leave(av)
			}
		}
		rng = rng.step()
		m.Frame(rng.under(obliqueFrames)).Referenced(task)
		task.Rest()
	}
	w.End()
	c := task.Counts()
	w.PerOp("retries/op", float64(c.Stale))
	w.PerSec("locks/s", float64(c.Locked))
	w.PerSec("walks/s", float64(c.Walks))
}

// work changes the address spaces for as long as the readers read.
func (o *obliqueWorld) work(w *Worker, task *rmap.Task, kind string) {
	rng := newRandom(w.ID)
	kinds := []string{kind}
	if kind == "mixed" {
		kinds = []string{"forkexit", "munmap", "cow", "scan"}
	}
	updates := 0
	w.Role("churner")
	w.Attend()
	for w.Running() {
		at := rng.below(obliqueFamilies)
		if err := o.update(task, kinds[updates%len(kinds)], at); err != nil {
			panic(err)
		}
		if updates++; updates%obliqueEach == 0 {
			if err := o.renew(task); err != nil {
				panic(err)
			}
		}
		task.Rest()
	}
	w.PerSec("updates/s", float64(updates))
	w.PerSec("reclaimed/s", float64(task.Counts().Reclaimed))
}

// update is one change to one address space.
func (o *obliqueWorld) update(task *rmap.Task, kind string, at int) error {
	mm := o.mms[at]
	switch kind {
	case "forkexit": // a shell: the child is the one that stays
		child, err := task.Fork(mm)
		if err != nil {
			return err
		}
		task.Exit(mm)
		o.mms[at] = child
		return task.Store(child, 0, 1)
	case "munmap": // a buffer comes and goes, and with it its anon_vma
		if err := task.Munmap(mm, 0, obliquePages); err != nil {
			return err
		}
		return populate(task, mm)
	case "cow": // a child writes to all it has, and ends
		child, err := task.Fork(mm)
		if err != nil {
			return err
		}
		defer task.Exit(child)
		return touchAll(task, child)
	default:
		task.Scan(1)
		return touchAll(task, mm)
	}
}

// renew lets all families go at once, gives their slabs back, and makes others.
func (o *obliqueWorld) renew(task *rmap.Task) error {
	o.exitAll(task)
	o.machine.AnonVMAs().Cache().Shrink()
	return o.populateAll(task)
}

func (o *obliqueWorld) exitAll(task *rmap.Task) {
	for i, mm := range o.mms {
		if mm != nil {
			task.Exit(mm)
			o.mms[i] = nil
		}
	}
}

func (o *obliqueWorld) populateAll(task *rmap.Task) (err error) {
	for i := range o.mms {
		if o.mms[i], err = task.NewMM(); err != nil {
			return err
		}
		if err := populate(task, o.mms[i]); err != nil {
			return err
		}
	}
	return nil
}

// populate gives an address space its memory.
func populate(task *rmap.Task, mm *rmap.MM) error {
	if err := task.Mmap(mm, 0, obliquePages, rmap.Read|rmap.Write); err != nil {
		return err
	}
	return touchAll(task, mm)
}

func touchAll(task *rmap.Task, mm *rmap.MM) error {
	for addr := range uint64(obliquePages) {
		if err := task.Store(mm, addr, addr); err != nil {
			return err
		}
	}
	return nil
}

func (o *obliqueWorld) fill() error {
	task := o.machine.NewTask(nil, "oblique: fill")
	defer task.Close()
	return o.populateAll(task)
}

// pin keeps one anon_vma on each of many slabs, so that none is ever empty.
func (o *obliqueWorld) pin() {
	c := o.machine.AnonVMAs().Cache()
	pages := make(map[word]bool)
	for _, p := range fillPlain(c, obliquePinned) {
		if page := p / kmemPage; !pages[page] {
			pages[page] = true
			o.pinned = append(o.pinned, p)
		} else {
			c.Free(p.pointer())
		}
	}
}

// kmemPage is the size of the pages of slabs.
const kmemPage = 4096

// fillPlain allocates n objects that stay as their constructor made them.
func fillPlain(c *kmem.Cache, n int) []word {
	out := make([]word, n)
	for i := range out {
		p := c.Alloc()
		if p == nil {
			outOfMemory(c)
		}
		out[i] = wordOf(p)
	}
	return out
}

// close takes the world down: every frame and every anon_vma must be back.
func (o *obliqueWorld) close() error {
	task := o.machine.NewTask(nil, "oblique: close")
	o.exitAll(task)
	task.Close()
	for i := range o.pinned {
		o.machine.AnonVMAs().Cache().Free(o.pinned[i].pointer())
	}
	if err := o.machine.Close(); err != nil {
		return err
	}
	return o.heap.Close()
}
