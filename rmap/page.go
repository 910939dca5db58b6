// A page's descriptor and its mapping word. Step 1 of every oblique walk of
// doc.go starts here.

package rmap

import (
	"fmt"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/kmem"
)

// Page describes one frame of memory. Descriptors are made with the machine and
// stay for its life: what a descriptor is about changes, the descriptor does not.
type Page struct {
	// What leads from a page to those who map it. Atomic: read by anybody.
	mapping  atomic.Uint64 // see mapping; believed only while mapped
	mapcount atomic.Int32  // page table entries that map it, from -1
	count    atomic.Int32  // references: entries, swap cache, users; 0 is free
	index    atomic.Uint64 // where in its VMA, in pages; goes with mapping

	flags  atomic.Uint32 // the bits below
	slot   atomic.Uint32 // of the swap cache, 0 when it is not there; see swap.go
	number uint32        // of the frame; constant

	// lock is held by whoever changes what the page is: the scanner, a fault
	// that brings it back from swap or wants it for itself alone.
	lock kmem.Lock
	// mapLock is used by the road with a reference count alone; see roads.go.
	mapLock kmem.Lock

	lruPrev, lruNext kmem.Ref[Page] // guarded by the lru's lock

	data atomic.Uint64 // the contents: a page of one word
}

const (
	pageLRU        = 1 << iota // on an LRU list; changed under the lru's lock
	pageActive                 // on, or bound for, the active list
	pageReferenced             // touched by its owner in some way that no table shows
	pageDirty                  // its contents are not what the swap space has
)

func (p *Page) construct() {
	*p = Page{}
	p.mapcount.Store(-1)
}

// mapping is the word that leads from a page to its anon_vma: the reference and
// a tag in its lowest bit, in one word so that both are read together and
// replaced by a single store. Without the tag it says nothing about anonymous
// memory; 0 is a frame that never was mapped.
//
// It is not cleared when the page is unmapped or freed: it is believed only
// behind a mapcount that says mapped, and clearing would hide a wrong order of
// the two for most of the time.
type mapping uint64

// mappingAnon is the tag (PAGE_MAPPING_ANON).
const mappingAnon = 1

func anonMapping(av kmem.Ref[AnonVMA]) mapping { return mapping(refWord(av) | mappingAnon) }

func (m mapping) isAnon() bool { return m&mappingAnon != 0 }

// anonVMA returns the anon_vma that the word refers to.
func (m mapping) anonVMA(h *kmem.Heap) *AnonVMA { return wordRef(uint64(m) &^ mappingAnon).Ptr(h) }

func (p *Page) loadMapping() mapping { return mapping(p.mapping.Load()) }

// Mapped reports whether a page table entry maps the page at this moment. Any goroutine
// may call it, also for a page that has been freed: that is mapped nowhere, or again.
func (p *Page) Mapped() bool { return p.mapcount.Load() >= 0 }

// Number returns the number of the frame, which is constant. Any goroutine may call it.
func (p *Page) Number() int { return int(p.number) }

// mapCount returns the number of entries that map the page.
func (p *Page) mapCount() int32 { return p.mapcount.Load() + 1 }

// inSwapCache reports whether the page has a place in swap. It is stable under
// the page's lock.
func (p *Page) inSwapCache() bool { return p.slot.Load() != 0 }

func (p *Page) set(bits uint32)      { p.flags.Or(bits) }
func (p *Page) clear(bits uint32)    { p.flags.And(^bits) }
func (p *Page) has(bits uint32) bool { return p.flags.Load()&bits != 0 }

// testClear clears bits and reports whether one was set.
func (p *Page) testClear(bits uint32) bool {
	return p.has(bits) && p.flags.And(^bits)&bits != 0
}

// get takes another reference for a caller that has one, or holds the lock of
// what has one.
func (p *Page) get() {
	n := p.count.Add(1)
	if invariant.Enabled {
		invariant.Check(n > 1, "get of %v: it had no reference", p)
	}
}

// tryGet takes a reference unless the page is free, or being freed.
func (p *Page) tryGet() bool {
	for {
		n := p.count.Load()
		if n <= 0 {
			return false
		}
		if p.count.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// put lets go of a reference; the last one frees the page. It takes the locks
// of the LRU lists and of the free list.
func (m *Machine) put(p *Page) {
	switch n := p.count.Add(-1); {
	case n == 0:
		m.release(p)
	case n < 0:
		panic(fmt.Sprintf("rmap: put of %v: it has no reference; want 1 or more", p))
	}
}

// release frees a page whose count has reached 0: from here on nobody can take
// a reference. The scanner may still see it on its list until it is off.
func (m *Machine) release(p *Page) {
	if p.Mapped() || p.inSwapCache() {
		panic(fmt.Sprintf("rmap: release of %v: want it unmapped and in no swap cache", p))
	}
	m.lru.remove(m.heap, p)
	p.flags.Store(0)
	m.free.push(p)
}

// String describes the page for people.
func (p *Page) String() string {
	return fmt.Sprintf("page %d (%d references, mapped by %d, mapping %#x, index %d, slot %d, flags %#x)",
		p.number, p.count.Load(), p.mapCount(), p.mapping.Load(), p.index.Load(), p.slot.Load(), p.flags.Load())
}
