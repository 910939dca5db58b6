// Typesafe: readers find objects through stale pointers, lock them and look
// again, while a churner frees and reuses the same objects.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
)

var typesafe = &Scenario{
	Name:  "Typesafe",
	Desc:  "Look up objects without a lock and validate them by their own lock, while a churner frees and reuses them.",
	Unit:  "validated lookup",
	Quick: true,
	Variants: []Variant{
		{
			Axes:   []Axis{apis("registered"), typesafeFlags(), validates("lock")},
			Derive: readersAndChurner,
			Skip:   needsChurnerCPU,
			Run:    typesafeLock,
		},
	},
}

const typesafeSlots = 1024 // objects that readers choose from

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

// entry is an object that readers validate. Its constructor sets up the lock;
// it is freed in that state, with a and b zero, and its lock may be held by a
// stale reader at that time.
type entry struct {
	mu sync.Mutex
	a  atomic.Uint64 // what a reader remembers; 0 is a free object
	b  uint64        // a², guarded by mu
}

// arena is the objects and the array through which readers find them.
type arena struct {
	entries *kmem.Typed[entry]
	slots   [typesafeSlots]atomic.Pointer[entry]
	wrong   atomic.Uint64 // lookups that found a and b apart: must stay 0
}

func typesafeLock(r *Run) (err error) {
	world, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	defer world.close(&err)
	a := new(arena)
	a.entries, err = kmem.Of(world.heap, "entries", kmem.TypedOptions[entry]{
		Flags: r.Flags,
		Ctor:  func(e *entry) { *e = entry{} },
	})
	if err != nil {
		return err
	}
	world.count(a.entries.Cache())
	if err := a.fill(); err != nil {
		return err
	}
	defer a.drain()
	err = r.Measure(func(round *Round) {
		round.CPUs(r.CPUs, func(w *Worker) {
			if w.ID == r.Readers {
				a.churn(w)
			} else {
				a.read(w, world.heap.Domain())
			}
		})
	})
	if n := a.wrong.Load(); n > 0 {
		return fmt.Errorf("%d lookups found an object in a state that no owner had left it in", n)
	}
	return err
}

// read measures the lookups of one reader, with the fast path of its flavour.
func (a *arena) read(w *Worker, d *urcu.Domain) {
	if d.Flavor() == urcu.Memb {
		a.readMemb(w, d.RegisterMemb("lookup"))
	} else {
		a.readMB(w, d.RegisterMB("lookup"))
	}
}

func (a *arena) readMemb(w *Worker, reader *urcu.MembReader) {
	defer reader.Unregister()
	rng := newRandom(w.ID)
	retries := 0
	w.Begin()
	for w.Next() {
		for range w.Chunk {
			slot := &a.slots[rng.below(typesafeSlots)]
			for {
				reader.Lock()
				ok := a.lookup(slot)
				reader.Unlock()
				if ok {
					break
				}
				retries++
			}
		}
	}
	w.End()
	w.PerOp("retries/op", float64(retries))
}

func (a *arena) readMB(w *Worker, reader *urcu.MBReader) {
	defer reader.Unregister()
	rng := newRandom(w.ID)
	retries := 0
	w.Begin()
	for w.Next() {
		for range w.Chunk {
			slot := &a.slots[rng.below(typesafeSlots)]
			for {
				reader.Lock()
				ok := a.lookup(slot)
				reader.Unlock()
				if ok {
					break
				}
				retries++
			}
		}
	}
	w.End()
	w.PerOp("retries/op", float64(retries))
}

// lookup is the reader's protocol, inside a section: load the address, look,
// lock, look again. It returns false when the object changed in between; the
// caller then leaves its section before it tries again.
func (a *arena) lookup(slot *atomic.Pointer[entry]) bool {
	e := slot.Load()
	seen := e.a.Load()
	if seen == 0 {
		return false // freed since it was found
	}
	e.mu.Lock()
	same := e.a.Load() == seen
	if same && e.b != seen*seen {
		a.wrong.Add(1)
	}
	e.mu.Unlock()
	return same
}

// churn frees and reuses objects for as long as the readers read.
func (a *arena) churn(w *Worker) {
	local := a.entries.On(w.CPU)
	rng := newRandom(w.ID)
	updates := 0
	w.Attend()
	for w.Running() {
		a.replace(local, &a.slots[rng.below(typesafeSlots)], rng.next()|1)
		updates++
	}
	w.PerSec("updates/s", float64(updates))
}

// replace puts a new object in a slot and frees the old one. The new object's
// lock is taken although nobody has its address: a stale reader may hold it.
func (a *arena) replace(local *kmem.TypedLocal[entry], slot *atomic.Pointer[entry], v uint64) {
	e := local.Alloc()
	if e == nil {
		outOfMemory(a.entries.Cache())
	}
	e.set(v)
	old := slot.Swap(e)
	old.set(0)
	local.Free(old)
}

// set gives the object an identity, or takes it away.
func (e *entry) set(v uint64) {
	e.mu.Lock()
	e.a.Store(v)
	e.b = v * v
	e.mu.Unlock()
}

// fill puts an object in every slot.
func (a *arena) fill() error {
	for i := range a.slots {
		e := a.entries.Alloc()
		if e == nil {
			return fmt.Errorf("object %d of %d: %w", i, len(a.slots), kmem.ErrNoMemory)
		}
		e.set(uint64(i + 1))
		a.slots[i].Store(e)
	}
	return nil
}

// drain frees what the slots hold, after the last reader.
func (a *arena) drain() {
	for i := range a.slots {
		if e := a.slots[i].Swap(nil); e != nil {
			e.set(0)
			a.entries.Free(e)
		}
	}
}
