// Type stability: what readers in sections find behind stale addresses while
// slabs are emptied and their pages go to other caches. verify_churn.go has who
// does that.
//
// See doc.go for an overview.

package bench

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// subjectMark is what the constructor writes. No foreign object holds it.
const subjectMark = 0x7ab1e_5ab1e_0bec7

// subject is the object that readers look at. It is a cache line.
type subject struct {
	mark atomic.Uint64 // subjectMark, written by the constructor alone
	refs kmem.RefCount // 0 is free; taken by the readers that validate by reference
	mu   sync.Mutex    // taken by those that validate by lock
	id   uint64        // 0 is free; written by the owner under mu
	hits uint64        // readers that came by; guarded by mu
	sum  uint64        // of id and hits; guarded by mu
	_    [2]uint64
}

func (s *subject) construct() {
	*s = subject{}
	s.mark.Store(subjectMark)
}

// set gives the subject an identity, or takes it away. Its lock is taken even
// when it was just handed out: a stale reader may hold it.
func (s *subject) set(id uint64) {
	s.mu.Lock()
	s.id, s.hits, s.sum = id, 0, ^id
	s.mu.Unlock()
}

// typeTrial is the world of the torture: subjects behind slots, and neighbours
// on the same heap that get the subjects' pages as soon as they are free.
type typeTrial struct {
	*trial
	visit      func(*typeTrial, *random) // what a reader does in its section
	domain     *urcu.Domain
	subjects   *kmem.Typed[subject]
	neighbours *kmem.Typed[neighbour]
	slots      [512]atomic.Pointer[subject]

	sections, taken, stale *atomic.Uint64
	rounds, checked        *atomic.Uint64
}

func tortureTypes(t *trial, visit func(*typeTrial, *random)) error {
	h, err := t.newHeap("types")
	if err != nil {
		return err
	}
	tt := &typeTrial{trial: t, visit: visit, domain: h.Domain()}
	if err := tt.make(h); err != nil {
		return err
	}
	n := max(2, runtime.GOMAXPROCS(0))
	for i := range n {
		tt.worker("reader", func() { tt.readAny(newRandom(i)) })
		tt.worker("registered reader", func() { tt.readRegistered(newRandom(n + i)) })
	}
	tt.worker("churner", func() { tt.churnAny(newRandom(2 * n)) })
	tt.worker("churner of an emulated CPU", func() {
		smp.Run(1, func(cpu *smp.CPU) { tt.churnCPU(cpu, newRandom(2*n+1)) })
	})
	t.wg.Wait()
	if t.failed() {
		return nil // the heap is damaged: what closing it would say is noise
	}
	return tt.end(h)
}

func (t *typeTrial) make(h *kmem.Heap) (err error) {
	t.subjects, err = kmem.Of(h, "subjects", kmem.TypedOptions[subject]{Flags: t.Flags, Ctor: (*subject).construct})
	if err != nil {
		return err
	}
	if t.neighbours, err = kmem.Of(h, "neighbours", kmem.TypedOptions[neighbour]{}); err != nil {
		return err
	}
	t.sections = t.count("sections")
	t.taken = t.count("objects taken")
	t.stale = t.count("of them stale")
	t.rounds = t.count("rounds of emptied slabs")
	t.checked = t.count("foreign objects checked")
	t.countFunc("slabs destroyed", func() uint64 { return t.subjects.Cache().Stats().Destroyed })
	t.countFunc("bytes in limbo at most", func() uint64 { return uint64(h.Stats().LimboPeak) })
	return nil
}

// end takes the world down: everything must come back.
func (t *typeTrial) end(h *kmem.Heap) error {
	for i := range t.slots {
		if s := t.slots[i].Swap(nil); s != nil {
			t.letGo(s, t.subjects.Free)
		}
	}
	if err := destroyHeap(h, t.subjects.Cache(), t.neighbours.Cache()); err != nil {
		t.found(ClassLost, "%v", err)
	}
	return nil
}

// readAny reads in sections of a plain goroutine.
func (t *typeTrial) readAny(rng random) {
	for t.running() {
		section := t.domain.Enter()
		t.guard("reader", func() { t.visit(t, &rng) })
		section.Exit()
		t.sections.Add(1)
	}
}

// readRegistered reads as a registered reader, nested now and then.
func (t *typeTrial) readRegistered(rng random) {
	reader := t.domain.Register("subjects")
	defer reader.Unregister()
	for t.running() {
		nested := rng.below(4) == 0
		reader.Lock()
		if nested {
			reader.Lock()
		}
		t.guard("reader", func() { t.visit(t, &rng) })
		if nested {
			reader.Unlock()
		}
		reader.Unlock()
		reader.QuiescentState()
		t.sections.Add(1)
	}
}

// find loads the address in a random slot and lets time pass, in which its
// object may die and its slab go. It looks at the mark before it returns.
func (t *typeTrial) find(rng *random) (slot *atomic.Pointer[subject], s *subject) {
	slot = &t.slots[rng.below(len(t.slots))]
	s = slot.Load()
	if s == nil {
		runtime.Gosched() // nothing is published: let the churners go on
		return nil, nil
	}
	linger(rng)
	t.checkMark(s, "sees")
	return slot, s
}

func (t *typeTrial) checkMark(s *subject, does string) {
	if mark := s.mark.Load(); mark != subjectMark {
		t.found(ClassType, "a reader %s an object at %p, and the word there is %#x and not the constructor's mark %#x", does, s, mark, uint64(subjectMark))
	}
}

// visitByRef takes a reference that can fail, and looks whether the object is
// still the one that was looked for.
func (t *typeTrial) visitByRef(rng *random) {
	slot, s := t.find(rng)
	if s == nil {
		return
	}
	if !s.refs.TryGet() {
		t.stale.Add(1)
		return
	}
	t.taken.Add(1)
	t.checkMark(s, "has a reference to")
	if slot.Load() != s {
		t.stale.Add(1)
	} else if s.sum != ^s.id {
		t.found(ClassState, "subject %p with id %#x has sum %#x", s, s.id, s.sum)
	}
	linger(rng)
	t.letGo(s, t.subjects.Free)
}

// visitByLock takes the lock inside the object, and looks whether the object is
// still the one that was looked for.
func (t *typeTrial) visitByLock(rng *random) {
	slot, s := t.find(rng)
	if s == nil {
		return
	}
	s.mu.Lock()
	t.taken.Add(1)
	t.checkMark(s, "holds the lock of")
	if slot.Load() != s {
		t.stale.Add(1)
	} else {
		if s.sum != ^(s.id + s.hits) {
			t.found(ClassState, "subject %p with id %#x and %d hits has sum %#x", s, s.id, s.hits, s.sum)
		}
		s.hits++
		s.sum = ^(s.id + s.hits)
	}
	linger(rng)
	s.mu.Unlock()
}

// letGo drops a reference. Whoever drops the last frees the object, in its
// constructed state.
func (t *typeTrial) letGo(s *subject, free func(*subject)) {
	if s.refs.Put() {
		s.set(0)
		free(s)
	}
}
