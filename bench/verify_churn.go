// The churners of the torture of type stability: they empty the subjects' slabs and
// let neighbours have the pages.
//
// See verify_types.go for what readers find there.

package bench

import (
	"fmt"
	"slices"

	"github.com/slabrcu/slabrcu/smp"
)

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
