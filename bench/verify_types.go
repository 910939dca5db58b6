// Type stability: what readers in sections find behind stale addresses while
// slabs are emptied and their pages go to other caches.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"runtime"
	"slices"
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

// neighbour is an object of the foreign cache: words that nobody else may write.
type neighbour struct{ words [8]uint64 }

// fillFrom writes words that follow from seed. Their low bits are clear, so that
// who takes one for a mutex finds it unlocked and goes on to write to it.
func (n *neighbour) fillFrom(seed uint64) {
	rng := random(seed)
	for i := range n.words {
		n.words[i] = rng.next() &^ 0x8000_000f_8000_000f
	}
}

// intact reports whether the words are still those of seed.
func (n *neighbour) intact(seed uint64) bool {
	var want neighbour
	want.fillFrom(seed)
	return *n == want
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

// Slabs' worth of objects that a churner takes at a time.
const typeBatch = 256

// churnAny churns by the calls that any goroutine may make.
func (t *typeTrial) churnAny(rng random) {
	t.churn(&rng, 0, t.subjects.Alloc, t.subjects.Free, t.neighbours.Alloc, t.neighbours.Free)
}

// churnCPU churns by the handles of an emulated CPU.
func (t *typeTrial) churnCPU(cpu *smp.CPU, rng random) {
	s, n := t.subjects.On(cpu), t.neighbours.On(cpu)
	t.churn(&rng, len(t.slots)/2, s.Alloc, s.Free, n.Alloc, n.Free)
}

// churn publishes subjects in its half of the slots, takes them away, empties
// their slabs, and lets neighbours have the pages for a while.
func (t *typeTrial) churn(rng *random, first int, alloc func() *subject, free func(*subject), allocN func() *neighbour, freeN func(*neighbour)) {
	slots := t.slots[first : first+len(t.slots)/2]
	var out []*subject
	seeds := make(map[*neighbour]uint64, typeBatch)
	for t.running() {
		for i := range typeBatch {
			s := alloc()
			if s == nil {
				break // at the heap's limit: limbo holds the pages
			}
			if s.mark.Load() != subjectMark {
				t.found(ClassState, "Alloc handed out %p without the constructor's mark", s)
			}
			s.set(rng.next() | 1)
			s.refs.Init()
			out = append(out, s)
			if i < len(slots) {
				if old := slots[i].Swap(s); old != nil {
					panic(fmt.Sprintf("slot %d holds %p of an earlier round", i, old))
				}
			}
		}
		for range 4 {
			linger(rng)
		}
		for i := range slots {
			slots[i].Store(nil)
		}
		for _, s := range out {
			t.letGo(s, free)
		}
		out = out[:0]
		t.subjects.Cache().Shrink()
		t.settle(rng, seeds, allocN, freeN)
		t.rounds.Add(1)
	}
}

// settle lets neighbours live on whatever pages are free, and looks whether
// anybody wrote to them.
func (t *typeTrial) settle(rng *random, seeds map[*neighbour]uint64, alloc func() *neighbour, free func(*neighbour)) {
	for range typeBatch {
		n := alloc()
		if n == nil {
			break
		}
		seed := rng.next() | 1
		n.fillFrom(seed)
		seeds[n] = seed
	}
	linger(rng)
	for n, seed := range seeds {
		if !n.intact(seed) {
			var want neighbour
			want.fillFrom(seed)
			i := slices.IndexFunc(n.words[:], func(w uint64) bool { return !slices.Contains(want.words[:], w) })
			t.found(ClassForeign, "word %d of the foreign object at %p was written to by somebody else", max(i, 0), n)
		}
		t.checked.Add(1)
		free(n)
	}
	clear(seeds)
	t.neighbours.Cache().Shrink()
}
