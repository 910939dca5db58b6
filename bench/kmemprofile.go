// The off-heap profile: what call sites have and had of a case's heaps.
//
// See doc.go for an overview.

package bench

import "github.com/slabrcu/slabrcu/kmem"

// HeapProfile takes the profile of the heaps of a case, once it is measured: as it
// was when the last worker had stopped its clock and nothing was freed yet. Heaps
// have a profile where [HeapSettings].ProfileRate says so.
type HeapProfile func(*Case, []HeapSamples)

// HeapSamples is the profile of one heap.
type HeapSamples struct {
	Heap    string
	Rate    int // bytes to a sample
	Samples []kmem.Sample
}

// profileHeaps keeps the profiles of the round that ends; the last round's stay.
func (r *Run) profileHeaps() {
	if r.Heap.ProfileRate == 0 {
		return
	}
	r.profiles = nil
	for _, h := range r.sources.listHeaps() {
		r.profiles = append(r.profiles, HeapSamples{Heap: h.Name(), Rate: h.ProfileRate(), Samples: h.Samples()})
	}
}

// listHeaps returns the heaps that are counted.
func (s *sources) listHeaps() []*kmem.Heap {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heaps
}
