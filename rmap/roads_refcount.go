// The road with a reference count, which the patch calls a backward step. See
// roads.go for the others.

package rmap

import (
	"fmt"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/kmem"
)

// refCount counts who needs an anon_vma: each VMA on its list, each entry that
// maps a page of it, and each reader. No section is needed and no type-stable
// memory. The lock in the page is what a count alone cannot do without: between
// the load of the mapping and the take of the reference nothing else would keep
// the anon_vma.
type refCount struct {
	heap *kmem.Heap // constant
}

func (refCount) approach(t *Task, p *Page) *AnonVMA {
	t.counts.Lookups++
	p.mapLock.Lock()
	m := p.loadMapping()
	if !p.Mapped() || !m.isAnon() {
		p.mapLock.Unlock()
		return nil
	}
	av := m.anonVMA(t.m.heap)
	av.refs.Get()
	p.mapLock.Unlock()
	av.lock.Lock()
	if p.Mapped() && p.loadMapping() == m {
		t.counts.Locked++
		return av
	}
	t.counts.Stale++
	t.m.road.leave(t, av)
	return nil
}

func (refCount) leave(t *Task, av *AnonVMA) {
	av.lock.Unlock()
	if av.refs.Put() {
		t.anon.free(av)
	}
}

func (refCount) lock(av *AnonVMA)   { av.lock.Lock() }
func (refCount) unlock(av *AnonVMA) { av.lock.Unlock() }

func (refCount) assertHeld(av *AnonVMA) {
	invariant.Check(av.lock.Held(), "list of an anon_vma changed: its lock is not held")
}

// enlist counts the VMA. The first one finds the count of a free anon_vma.
func (refCount) enlist(av *AnonVMA) {
	if av.head.IsNil() {
		av.refs.Init()
		return
	}
	av.refs.Get()
}

func (refCount) delist(*AnonVMA) (last bool) { return false }

// drop counts the VMA off. Not under the lock: a reader may give up the last count
// meanwhile, and free what is to be unlocked still.
func (refCount) drop(av *AnonVMA) (last bool) { return av.refs.Put() }

func (r refCount) add(p *Page, m mapping, index uint64) {
	p.mapLock.Lock()
	p.index.Store(index)
	p.mapping.Store(uint64(m))
	p.mapcount.Add(1)
	m.anonVMA(r.heap).refs.Get()
	p.mapLock.Unlock()
}

func (r refCount) dup(p *Page) {
	p.mapLock.Lock()
	p.mapcount.Add(1)
	p.loadMapping().anonVMA(r.heap).refs.Get()
	p.mapLock.Unlock()
}

func (r refCount) remove(p *Page) {
	p.mapLock.Lock()
	av := p.loadMapping().anonVMA(r.heap)
	p.mapcount.Add(-1)
	p.mapLock.Unlock()
	if av.refs.Put() {
		panic(fmt.Sprintf("rmap: remove of a mapping of %v: no VMA had a reference to its anon_vma", p))
	}
}
