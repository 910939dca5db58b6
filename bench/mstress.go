// MStress: fresh CPUs, random lifetimes, objects that change hands, every word
// checked.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
)

const (
	mstressPlaces = 1000   // objects that a CPU, and all together, hold at most
	mstressLife   = 10_000 // allocations until a fresh CPU takes over
)

var mstress = &Scenario{
	Name: "MStress",
	Desc: "Fresh CPUs allocate and free at random, exchange objects through a shared array, and check every word they wrote.",
	Unit: "alloc and free of one object, its words written and checked",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: runMStress, Skip: wholeWords},
	},
}

func wholeWords(p Params) string {
	if p.Size%8 != 0 {
		return fmt.Sprintf("fills objects by words, and %d is no multiple of 8", p.Size)
	}
	return ""
}

// transfer is the array through which objects change hands.
type transfer [mstressPlaces]atomic.Uintptr

func runMStress(r *Run) error {
	return r.withCache("mstress", func(c *kmem.Cache) error {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(r.CPUs + 1))
		return r.Measure(func(round *Round) {
			var shared transfer
			round.Goroutines(r.CPUs, func(w *Worker) {
				lives := newRandom(w.ID)
				w.SetChunk(mstressLife)
				w.Begin()
				for w.Next() {
					seed := random(lives.next())
					smp.Run(1, func(cpu *smp.CPU) { stress(c, c.On(cpu), r.Size, w.Chunk, seed, &shared) })
				}
				w.End()
			})
			for i := range shared {
				if o := word(shared[i].Swap(0)); o != 0 {
					checkCookie(&o, r.Size)
					c.Free(o.pointer())
				}
			}
		})
	})
}

// stress is one life: n allocations, and as many frees but for what it leaves to
// others in the shared array.
func stress(c *kmem.Cache, l *kmem.Local, size, n int, rng random, shared *transfer) {
	var places [mstressPlaces]word
	for n > 0 {
		rng = rng.step()
		o := &places[rng.under(mstressPlaces)]
		if rng = rng.step(); rng.under(4) == 0 {
			rng = rng.step()
			*o = word(shared[rng.under(mstressPlaces)].Swap(uintptr(*o)))
		}
		if *o != 0 {
			checkCookie(o, size)
			l.Free(o.pointer())
			*o = 0
			continue
		}
		p := l.Alloc()
		if p == nil {
			outOfMemory(c)
		}
		*o = wordOf(p)
		fillCookie(o, size)
		n--
	}
	for i := range places {
		if o := &places[i]; *o != 0 {
			checkCookie(o, size)
			l.Free(o.pointer())
		}
	}
}

// cookie is what every word of an object holds while it is allocated.
func cookie(o word) uint64 { return uint64(o) * 0x9e3779b97f4a7c15 }

func fillCookie(o *word, size int) {
	words, v := o.words(size), cookie(*o)
	for len(words) >= 4 {
		words[0], words[1], words[2], words[3] = v, v, v, v
		words = words[4:]
	}
	for i := range words {
		words[i] = v
	}
}

func checkCookie(o *word, size int) {
	words, v := o.words(size), cookie(*o)
	for len(words) >= 4 && (words[0]^v|words[1]^v|words[2]^v|words[3]^v) == 0 {
		words = words[4:]
	}
	for i, got := range words {
		if got != v {
			panic(fmt.Sprintf("MStress: word %d of object %#x holds %#x and not the %#x that its owner wrote", size/8-len(words)+i, *o, got, v))
		}
	}
}
