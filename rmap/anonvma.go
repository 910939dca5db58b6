// AnonVMA: what a page's mapping leads to, from its constructor to its free.
// See doc.go for the walk and for the lock order.

package rmap

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/kmem"
)

// AnonVMA stands between the anonymous pages of a family of address spaces and
// the VMAs that may map them. It has no identity of its own and, on the road of
// the patch, no reference count: it is in use while its list has a VMA.
//
// Its constructed state is its freed state: unlocked, and nothing on the list.
// Only a stale reader can hold the lock of a free one, and then only to let go.
type AnonVMA struct {
	// lock guards the list, and start, end and pgoff of the VMAs on it. The
	// constructor sets it up and nobody after it, because a stale reader may be
	// inside it at any time.
	lock kmem.Lock
	refs kmem.RefCount // used by the road with a reference count alone
	head kmem.Ref[VMA] // guarded by lock

	// mark is written by the constructor alone. Nothing here depends on it:
	// tortures look whether a lock that was found belongs to an AnonVMA.
	mark atomic.Uint64
}

// anonMark is what the constructor writes.
const anonMark = 0xa707_f1ed_0b11_9ce5

func (av *AnonVMA) construct() {
	*av = AnonVMA{}
	av.mark.Store(anonMark)
}

// genuine reports whether a constructor of AnonVMA made this.
func (av *AnonVMA) genuine() bool { return av.mark.Load() == anonMark }

// prepareAnon gives the VMA an anon_vma before its first page: that of a
// neighbour, so that the two may merge one day, or a new one. Other faults in
// the same address space may do the same at the same time. The caller holds mmap
// for reading, at least, and no other lock.
func (t *Task) prepareAnon(mm *MM, v *VMA) error {
	if !v.anon.Load().IsNil() {
		return nil
	}
	var fresh *AnonVMA
	av := t.neighbourAnon(mm, v)
	if av == nil {
		if fresh = t.anon.alloc(); fresh == nil {
			return ErrNoMemory
		}
		av = fresh
	}
	t.m.road.lock(av) // a new one too: a stale reader may hold it
	mm.ptl.Lock()
	if v.anon.Load().IsNil() {
		t.m.link(av, v)
		fresh = nil
	}
	mm.ptl.Unlock()
	t.m.road.unlock(av)
	if fresh != nil { // another fault was first
		t.anon.free(fresh)
	}
	return nil
}

// neighbourAnon returns the anon_vma of a VMA that could merge with v but for
// its protection, or nil. The neighbour cannot go while mmap is held.
func (t *Task) neighbourAnon(mm *MM, v *VMA) *AnonVMA {
	h := t.m.heap
	prev := mm.before(h, v.start)
	for _, near := range [...]*VMA{v.next.Ptr(h), prev} {
		if near != nil && near.touches(v) && near.flags&^protection == v.flags&^protection {
			if av := near.anon.Load(); !av.IsNil() {
				return av.Ptr(h)
			}
		}
	}
	return nil
}

// link puts a VMA on the list of its anon_vma, at the head. The caller holds the
// lock and knows that the anon_vma stays: it is new, or a VMA on it stays.
func (m *Machine) link(av *AnonVMA, v *VMA) {
	if invariant.Enabled {
		m.road.assertHeld(av)
	}
	m.road.enlist(av)
	ref := kmem.RefOf(m.heap, v)
	v.anonPrev, v.anonNext = kmem.Ref[VMA]{}, av.head
	if next := av.head.Ptr(m.heap); next != nil {
		next.anonPrev = ref
	}
	av.head = ref
	v.anon.Store(kmem.RefOf(m.heap, av))
}

// unlink takes a VMA off the list. The caller holds the lock. It reports whether
// nobody needs the anon_vma any more: then the caller frees it, after unlocking.
func (m *Machine) unlink(av *AnonVMA, v *VMA) (last bool) {
	if invariant.Enabled {
		m.road.assertHeld(av)
	}
	prev, next := v.anonPrev.Ptr(m.heap), v.anonNext.Ptr(m.heap)
	if prev == nil {
		av.head = v.anonNext
	} else {
		prev.anonNext = v.anonNext
	}
	if next != nil {
		next.anonPrev = v.anonPrev
	}
	v.anonPrev, v.anonNext = kmem.Ref[VMA]{}, kmem.Ref[VMA]{}
	v.anon.Store(kmem.Ref[AnonVMA]{})
	return m.road.delist(av)
}

// leaveAnon takes a VMA that goes away off its anon_vma, and frees that when it
// was the last. No page is mapped through the VMA any more.
func (t *Task) leaveAnon(v *VMA) {
	av := v.anon.Load().Ptr(t.m.heap)
	if av == nil {
		return
	}
	t.m.road.lock(av)
	last := t.m.unlink(av, v)
	t.m.road.unlock(av)
	if t.m.road.drop(av) || last {
		t.anon.free(av)
	}
}

// members yields the VMAs on the list. The caller holds the lock.
func (t *Task) members(av *AnonVMA) func(yield func(*VMA) bool) {
	return func(yield func(*VMA) bool) {
		t.counts.Walks++
		for v := av.head.Ptr(t.m.heap); v != nil; v = v.anonNext.Ptr(t.m.heap) {
			t.counts.VMAs++
			if !yield(v) {
				return
			}
		}
	}
}
