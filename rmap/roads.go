// Roads: how an anon_vma that was found from a page is held still. The road of
// the patch, and beside it the two not taken, to be measured. All else is shared.

package rmap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/kmem"
)

// Impl names a road.
type Impl uint8

const (
	// SlabRCU: type-stable memory and a section; see [Page.LockAnonVMA].
	SlabRCU Impl = iota
	// RefCount: each anon_vma has a reference count, which every change of a
	// mapping takes or gives back, and a lock in the page keeps the page mapped
	// while a reader takes its own.
	RefCount
	// BigLock: one lock stands for the locks of all anon_vmas.
	BigLock
)

var implNames = []string{SlabRCU: "slabrcu", RefCount: "refcount", BigLock: "biglock"}

// Impls returns all roads.
func Impls() []Impl { return []Impl{SlabRCU, RefCount, BigLock} }

// String returns the name, as the key impl has it.
func (i Impl) String() string {
	if int(i) >= len(implNames) {
		return fmt.Sprintf("Impl(%d)", uint8(i))
	}
	return implNames[i]
}

// UnmarshalText reads a name. An unknown one is an error that lists all.
func (i *Impl) UnmarshalText(text []byte) error {
	at := slices.Index(implNames, string(text))
	if at < 0 {
		return fmt.Errorf("rmap: impl %q; legal are %s", text, strings.Join(implNames, ", "))
	}
	*i = Impl(at)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (i Impl) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// road is what the three differ in.
type road interface {
	// approach locks the anon_vma of a page, or returns nil when the page is not
	// mapped; leave ends it. At least one VMA is on the list in between.
	approach(t *Task, p *Page) *AnonVMA
	leave(t *Task, av *AnonVMA)

	// lock and unlock are for those who know that the anon_vma stays.
	lock(av *AnonVMA)
	unlock(av *AnonVMA)
	assertHeld(av *AnonVMA)

	// enlist and delist go with a VMA that joins and leaves, with the lock held; drop
	// comes after the unlock. delist or drop reports whether nobody needs the anon_vma
	// any more.
	enlist(av *AnonVMA)
	delist(av *AnonVMA) (last bool)
	drop(av *AnonVMA) (last bool)

	// add maps a page that has no entries, or that is locked; dup counts another
	// entry and remove one less. The page table lock is held.
	add(p *Page, m mapping, index uint64)
	dup(p *Page)
	remove(p *Page)
}

func (i Impl) road(h *kmem.Heap) (road, error) {
	switch i {
	case SlabRCU:
		return slabRCU{}, nil
	case RefCount:
		return refCount{heap: h}, nil
	case BigLock:
		return new(bigLock), nil
	}
	return nil, fmt.Errorf("%v is no road; legal are %s", i, strings.Join(implNames, ", "))
}

// Approach locks the anon_vma of a page on whichever road the machine takes, or
// returns nil when nobody maps the page. [Task.Leave] ends it. On the road of
// the patch it is [Page.LockAnonVMA].
func (t *Task) Approach(p *Page) *AnonVMA { return t.m.road.approach(t, p) }

// Leave ends what Approach began.
func (t *Task) Leave(av *AnonVMA) { t.m.road.leave(t, av) }

// slabRCU is the road of the patch.
type slabRCU struct{ uncounted }

func (slabRCU) approach(t *Task, p *Page) *AnonVMA { return p.LockAnonVMA(t) }
func (slabRCU) leave(t *Task, av *AnonVMA)         { av.Unlock(t) }
func (slabRCU) lock(av *AnonVMA)                   { av.lock.Lock() }
func (slabRCU) unlock(av *AnonVMA)                 { av.lock.Unlock() }

func (slabRCU) assertHeld(av *AnonVMA) {
	invariant.Check(av.lock.Held(), "list of an anon_vma changed: its lock is not held")
}

// bigLock has one lock. While it is held no VMA leaves any list, so a page that
// is mapped has an anon_vma that stays.
type bigLock struct {
	uncounted
	all kmem.Lock
}

func (r *bigLock) approach(t *Task, p *Page) *AnonVMA {
	t.counts.Lookups++
	r.all.Lock()
	if p.Mapped() {
		if m := p.loadMapping(); m.isAnon() {
			t.counts.Locked++
			return m.anonVMA(t.m.heap)
		}
	}
	r.all.Unlock()
	return nil
}

func (r *bigLock) leave(*Task, *AnonVMA) { r.all.Unlock() }
func (r *bigLock) lock(*AnonVMA)         { r.all.Lock() }
func (r *bigLock) unlock(*AnonVMA)       { r.all.Unlock() }

func (r *bigLock) assertHeld(*AnonVMA) {
	invariant.Check(r.all.Held(), "list of an anon_vma changed: the big lock is not held")
}

// uncounted is the bookkeeping without a reference count: an anon_vma is in use
// while its list has a VMA, and a page while its mapcount says so.
type uncounted struct{}

func (uncounted) enlist(*AnonVMA)                {}
func (uncounted) delist(av *AnonVMA) (last bool) { return av.head.IsNil() }
func (uncounted) drop(*AnonVMA) (last bool)      { return false }

// add publishes the mapping before the mapcount: who sees a page mapped sees
// where it leads.
func (uncounted) add(p *Page, m mapping, index uint64) {
	p.index.Store(index)
	p.mapping.Store(uint64(m)) // O2
	p.mapcount.Add(1)          // O3: pairs with R2 in lock.go
}

func (uncounted) dup(p *Page)    { p.mapcount.Add(1) }
func (uncounted) remove(p *Page) { p.mapcount.Add(-1) } // O4
