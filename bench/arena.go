// The arena of the reader workloads: objects behind slots, the ways to validate
// what a reader finds there, and the ways to reuse what an updater takes away.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
)

const arenaSlots = 1024 // objects that readers choose from

// entry is an object that readers look up, a cache line. Its constructor sets up
// the words that readers touch without a reference; it is freed with a at 0.
type entry struct {
	mu   sync.Mutex    // validate=lock; a stale reader may hold it over a free
	refs kmem.RefCount // validate=ref; 0 is free
	seq  kmem.SeqCount // validate=seq; counts over all lives
	a    atomic.Uint64 // what a reader remembers; 0 is a free object
	b    atomic.Uint64 // a²
	head urcu.Head     // reuse=per-object
}

// validation is how a reader makes sure that an object is the one it looked for.
type validation int

const (
	byLock  validation = iota // lock it and look again
	byRef                     // take a reference that can fail, and look again
	bySeq                     // read between two looks at a sequence
	byGrace                   // not at all: objects go only after a grace period
)

// validations are the values of the key validate.
var validations = map[string]validation{"lock": byLock, "ref": byRef, "seq": bySeq}

// arena is one cache of entries and the slots through which readers find them.
type arena struct {
	entries  *kmem.Typed[entry]
	validate validation
	slots    [arenaSlots]atomic.Pointer[entry]
	wrong    atomic.Uint64 // lookups that found a and b apart: must stay 0
}

// newArena makes an arena in the world and puts an object in every slot.
func newArena(w *world, how validation) (*arena, error) {
	entries, err := kmem.Of(w.heap, "entries", kmem.TypedOptions[entry]{
		Flags: w.run.Flags,
		Ctor:  func(e *entry) { *e = entry{} },
	})
	if err != nil {
		return nil, err
	}
	w.count(entries.Cache())
	a := &arena{entries: entries, validate: how}
	for i := range a.slots {
		e := entries.Alloc()
		if e == nil {
			return nil, fmt.Errorf("object %d of %d: %w", i, len(a.slots), kmem.ErrNoMemory)
		}
		a.born(e, uint64(i+1))
		a.slots[i].Store(e)
	}
	return a, nil
}

// drain frees what the slots hold, after the last reader.
func (a *arena) drain() {
	for i := range a.slots {
		if e := a.slots[i].Swap(nil); e != nil && a.dead(e) {
			a.entries.Free(e)
		}
	}
}

// verdict is an error when any lookup found what nobody had written.
func (a *arena) verdict() error {
	if n := a.wrong.Load(); n > 0 {
		return fmt.Errorf("%d lookups found an object in a state that no owner had left it in", n)
	}
	return nil
}

// born gives a new object an identity. Although nobody has its address, a stale
// reader may be at it: in the lock's case the lock must be taken.
func (a *arena) born(e *entry, v uint64) {
	switch a.validate {
	case byLock:
		e.mu.Lock()
		e.set(v)
		e.mu.Unlock()
	case byRef:
		e.set(v)
		e.refs.Init() // last: from here on readers can take it
	case bySeq:
		e.seq.WriteBegin()
		e.set(v)
		e.seq.WriteEnd()
	case byGrace:
		e.set(v)
	}
}

// dead takes the identity away, and reports whether the caller is the one who
// must free the object.
func (a *arena) dead(e *entry) bool {
	switch a.validate {
	case byLock:
		e.mu.Lock()
		e.set(0)
		e.mu.Unlock()
	case byRef:
		return e.refs.Put()
	case bySeq:
		e.seq.WriteBegin()
		e.set(0)
		e.seq.WriteEnd()
	case byGrace:
	}
	return true
}

func (e *entry) set(v uint64) {
	e.a.Store(v)
	e.b.Store(v * v)
}

// lookup is the reader's protocol, inside a section: load the address, look, make
// sure, look again. It returns false when the object changed in between; the
// caller then leaves its section before it tries again.
func (a *arena) lookup(slot *atomic.Pointer[entry]) bool {
	e := slot.Load()
	switch a.validate {
	case byLock:
		return a.lookupByLock(e)
	case byRef:
		return a.lookupByRef(e, slot)
	case bySeq:
		return a.lookupBySeq(e)
	}
	a.check(e.a.Load(), e.b.Load())
	return true
}

func (a *arena) check(v, square uint64) {
	if square != v*v {
		a.wrong.Add(1)
	}
}

func (a *arena) lookupByLock(e *entry) bool {
	seen := e.a.Load()
	if seen == 0 {
		return false // freed since it was found
	}
	e.mu.Lock()
	same := e.a.Load() == seen
	if same {
		a.check(seen, e.b.Load())
	}
	e.mu.Unlock()
	return same
}

func (a *arena) lookupByRef(e *entry, slot *atomic.Pointer[entry]) bool {
	if !e.refs.TryGet() {
		return false
	}
	same := slot.Load() == e
	if same {
		a.check(e.a.Load(), e.b.Load())
	}
	if e.refs.Put() {
		a.entries.Free(e)
	}
	return same
}

func (a *arena) lookupBySeq(e *entry) bool {
	seq, ok := e.seq.TryRead()
	if !ok {
		return false
	}
	v, square := e.a.Load(), e.b.Load()
	if e.seq.ReadRetry(seq) || v == 0 {
		return false
	}
	a.check(v, square)
	return true
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
	w.Role("reader")
	w.Begin()
	for w.Next() {
		for range w.Chunk {
			rng = rng.step()
			slot := &a.slots[rng.under(arenaSlots)]
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
	w.Role("reader")
	w.Begin()
	for w.Next() {
		for range w.Chunk {
			rng = rng.step()
			slot := &a.slots[rng.under(arenaSlots)]
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
