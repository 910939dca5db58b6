// VMAs: ranges of an address space, how they are found, split and merged.
// Reached under mmap, or from an anon_vma under its lock; see doc.go.

package rmap

import (
	"strings"

	"github.com/slabrcu/slabrcu/kmem"
)

// VMFlags say what may be done in a VMA.
type VMFlags uint32

const (
	Read   VMFlags = 1 << iota
	Write          // else stores are [ErrFault]
	Exec           // tells VMAs apart, and nothing else
	Locked         // pages stay in memory
)

// protection is what may differ between VMAs that share an anon_vma.
const protection = Read | Write | Exec

// String returns the names joined by "+", "none" for no flag.
func (f VMFlags) String() string {
	var names []string
	for i, name := range [...]string{"read", "write", "exec", "locked"} {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, "+")
}

// VMA is a range of pages of one address space. Numbers are in pages.
type VMA struct {
	mm   kmem.Ref[MM]  // constant while the VMA is in use
	next kmem.Ref[VMA] // by address; guarded by mmap

	// The range and its flags. Changed under mmap for writing and, once the VMA is on the list
	// of an anon_vma, that one's lock; either is enough to read it.
	start, end uint64 // end is the first page behind
	pgoff      uint64 // index of the page at start
	flags      VMFlags

	// anon is set once, under mmap, the anon_vma's lock and the page table lock;
	// who holds mmap for reading must recheck under the latter.
	anon               kmem.AtomicRef[AnonVMA]
	anonPrev, anonNext kmem.Ref[VMA] // guarded by the anon_vma's lock
}

func (v *VMA) construct() { *v = VMA{} }

// index returns the index of the page at an address.
func (v *VMA) index(addr uint64) uint64 { return addr - v.start + v.pgoff }

// address returns where the VMA maps a page of that index, if it does at all.
// The list of an anon_vma may well hold VMAs that do not. The caller holds the
// anon_vma's lock.
func (v *VMA) address(index uint64) (addr uint64, here bool) {
	addr = v.start + (index - v.pgoff)
	return addr, addr >= v.start && addr < v.end
}

// touches reports whether the two are neighbours, in addresses and in indices.
func (v *VMA) touches(w *VMA) bool {
	if w.start < v.start {
		v, w = w, v
	}
	return v.end == w.start && v.index(v.end) == w.pgoff
}

// find returns the VMA that an address lies in, or nil. The caller holds mmap.
func (mm *MM) find(h *kmem.Heap, addr uint64) *VMA {
	for v := mm.vmas.Ptr(h); v != nil && v.start <= addr; v = v.next.Ptr(h) {
		if addr < v.end {
			return v
		}
	}
	return nil
}

// before returns the last VMA that starts below an address, or nil. The caller
// holds mmap.
func (mm *MM) before(h *kmem.Heap, addr uint64) (last *VMA) {
	for v := mm.vmas.Ptr(h); v != nil && v.start < addr; v = v.next.Ptr(h) {
		last = v
	}
	return last
}

// insert puts a VMA behind prev, or first for nil. The caller holds mmap for
// writing.
func (mm *MM) insert(h *kmem.Heap, prev, v *VMA) {
	place := mm.place(prev)
	v.next = *place
	*place = kmem.RefOf(h, v)
}

// remove takes off the VMA behind prev. The caller holds mmap for writing.
func (mm *MM) remove(h *kmem.Heap, prev *VMA) {
	place := mm.place(prev)
	v := place.Ptr(h)
	*place = v.next
	v.next = kmem.Ref[VMA]{}
}

// place is where the VMA behind prev is linked.
func (mm *MM) place(prev *VMA) *kmem.Ref[VMA] {
	if prev == nil {
		return &mm.vmas
	}
	return &prev.next
}

// lockAnon takes the lock of a VMA's anon_vma, if it has one. Who walks the list
// must not see half of a change. The caller holds mmap for writing.
func (t *Task) lockAnon(v *VMA) *AnonVMA {
	av := v.anon.Load().Ptr(t.m.heap)
	if av != nil {
		t.m.road.lock(av)
	}
	return av
}

// unlockAnon ends lockAnon; nil is legal.
func (t *Task) unlockAnon(av *AnonVMA) {
	if av != nil {
		t.m.road.unlock(av)
	}
}

// setFlags changes what may be done in a VMA.
func (t *Task) setFlags(v *VMA, flags VMFlags) {
	av := t.lockAnon(v)
	v.flags = flags
	t.unlockAnon(av)
}

// splitAt makes an address a border between VMAs, if it lies inside one. Both
// parts belong to the same anon_vma, and pages find the part that they are in by
// their index. The caller holds mmap for writing.
func (t *Task) splitAt(mm *MM, addr uint64) error {
	v := mm.find(t.m.heap, addr)
	if v == nil || v.start == addr {
		return nil
	}
	upper := t.vmas.alloc()
	if upper == nil {
		return ErrNoMemory
	}
	upper.mm, upper.flags = v.mm, v.flags
	upper.start, upper.end, upper.pgoff = addr, v.end, v.index(addr)
	av := t.lockAnon(v)
	v.end = addr
	if av != nil {
		t.m.link(av, upper)
	}
	t.unlockAnon(av)
	mm.insert(t.m.heap, v, upper)
	return nil
}

// mergeable reports whether two VMAs may become one: neighbours, equal in their
// flags, with pages of one family or of none.
func (v *VMA) mergeable(w *VMA) bool {
	a, b := v.anon.Load(), w.anon.Load()
	return v.touches(w) && v.flags == w.flags && (a == b || a.IsNil() || b.IsNil())
}

// mergeNext lets a VMA swallow the one behind it, if they are mergeable. A VMA
// without an anon_vma imports the other's: easily overlooked, and then pages of
// the swallowed part would not be found. It reports whether it did. The caller
// holds mmap for writing.
func (t *Task) mergeNext(mm *MM, v *VMA) bool {
	h := t.m.heap
	next := v.next.Ptr(h)
	if next == nil || !v.mergeable(next) {
		return false
	}
	keeper := v
	if v.anon.Load().IsNil() {
		keeper = next
	}
	av := t.lockAnon(keeper)
	if av != nil && keeper == next {
		t.m.link(av, v)
	}
	v.end = next.end
	leaves := av != nil && !next.anon.Load().IsNil()
	if leaves {
		t.m.unlink(av, next)
	}
	t.unlockAnon(av)
	if leaves {
		t.m.road.drop(av) // never the last: v is on the list
	}
	mm.remove(h, v)
	t.freeVMA(next)
	return true
}

// freeVMA frees a VMA that is on no list.
func (t *Task) freeVMA(v *VMA) {
	v.construct()
	t.vmas.free(v)
}
