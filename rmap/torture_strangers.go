// Strangers of a torture: objects of another cache on pages that slabs of anon_vmas
// left. See torture.go for how the workers are kept going.

package rmap

import "math/rand/v2"

// churn makes many families of one page or two, lets all go, and gives the pages
// of the slabs that they leave empty to strangers.
func (w *torturer) churn() {
	anon := w.m.anon.Cache()
	seeds := make(map[*stranger]uint64, w.o.Burst)
	for w.running() {
		burst := w.burst()
		w.linger()
		for _, mm := range burst {
			w.task.Exit(mm)
		}
		w.rest()
		anon.Shrink()
		w.settle(seeds)
	}
}

func (w *torturer) burst() (out []*MM) {
	for range w.o.Burst {
		mm, err := w.task.NewMM()
		if err != nil {
			return out
		}
		out = append(out, mm)
		n := 1 + w.rng.Uint64N(2)
		if w.task.Mmap(mm, 0, n, Read|Write) != nil {
			return out
		}
		for addr := range n {
			if w.task.Store(mm, addr, addr+1) != nil {
				return out
			}
		}
		w.made.Add(1)
	}
	return out
}

// stranger is an object of another cache, as large as an AnonVMA. Whoever takes
// it for one finds a lock in its first half word.
type stranger struct{ words [3]uint64 }

func (s *stranger) fillFrom(seed uint64) {
	src := rand.NewPCG(seed, 1)
	for i := range s.words {
		s.words[i] = src.Uint64()
	}
	if seed%2 == 0 {
		s.words[0] &^= 1<<32 - 1 // looks like a lock that nobody holds
	}
}

func (s *stranger) intact(seed uint64) bool {
	var want stranger
	want.fillFrom(seed)
	return *s == want
}

// settle lets strangers live on whatever pages are free, writing to their objects
// and looking whether anybody else did.
func (w *torturer) settle(seeds map[*stranger]uint64) {
	for range w.o.Burst {
		s := w.strangers.Alloc()
		if s == nil {
			break
		}
		seeds[s] = w.rng.Uint64()
		s.fillFrom(seeds[s])
	}
	for range 3 {
		w.linger()
		for s, seed := range seeds {
			if !s.intact(seed) {
				w.report(OracleForeign, "a foreign object of words %#x holds %#x", wordsOf(seed), s.words)
			}
			w.checked.Add(1)
			seeds[s] = seed + 1
			s.fillFrom(seed + 1)
		}
	}
	for s, seed := range seeds {
		if !s.intact(seed) {
			w.report(OracleForeign, "a foreign object of words %#x holds %#x", wordsOf(seed), s.words)
		}
		w.strangers.Free(s)
	}
	clear(seeds)
	w.strangers.Cache().Shrink()
}

func wordsOf(seed uint64) [3]uint64 {
	var s stranger
	s.fillFrom(seed)
	return s.words
}
