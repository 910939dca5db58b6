// LockAnonVMA: the oblique path itself. Everything else in this package is there
// so that this can go wrong. doc.go has the whole story.

package rmap

import "github.com/slabrcu/slabrcu/internal/invariant"

// LockAnonVMA finds the anon_vma of a page and locks it, or returns nil when
// nobody maps the page. The caller needs no lock and no reference, neither on the
// anon_vma nor on the page: all may go away at any moment. While the lock is held
// at least one VMA stays on the list; the page may still be unmapped from it, by
// those who hold a page table lock. It may wait for the lock.
//
// A section is open when it returns an anon_vma; [AnonVMA.Unlock] by the same
// task ends both. A task holds one anon_vma at a time.
//
//	reader                                 owners
//	R1 enter a section                     O1 link a VMA to av, under av's lock
//	R2 mapped?           pairs with O3     O2 mapping = av + tag
//	R3 load mapping      pairs with O2     O3 mapcount++: mapped
//	R4 lock what it leads to               O4 mapcount--: not mapped
//	R5 still mapped, and mapping as it     O5 unlink the VMA under av's lock; when
//	   was? else unlock, leave, nil           it was the last, unlock and free av
//	   ... walk the list ...               O6 its slab empties: limbo
//	R6 unlock                              O7 a grace period later its pages go
//	R7 leave the section; pairs with O7       to anybody
//
// R2 sees O3, so R3 sees that O2 or a later one: an anon_vma that was in use
// after R1. Its O7 waits for R7, hence R4 locks an AnonVMA, whoever's it is now.
// R5 makes it the page's: mapped under the lock means that O5 is still to come.
// The order of R2 and R3 matters, also in R5, as mapping outlives the mapping.
//
// R2, R3 are plain loads on amd64, LDAR on arm64; R4 is the only locked
// instruction. O2 and O3 are sequentially consistent: XCHG and LOCK XADD.
func (p *Page) LockAnonVMA(t *Task) *AnonVMA {
	if invariant.Enabled {
		invariant.Check(!t.inside, "LockAnonVMA: the task holds an anon_vma already")
	}
	t.counts.Lookups++
	t.enter()       // R1
	if p.Mapped() { // R2
		if m := p.loadMapping(); m.isAnon() { // R3
			av := m.anonVMA(t.m.heap)
			av.lock.Lock()                          // R4
			if p.Mapped() && p.loadMapping() == m { // R5
				t.counts.Locked++
				return av
			}
			av.lock.Unlock()
			t.counts.Stale++
		}
	}
	t.exit()
	return nil
}

// Unlock ends what [Page.LockAnonVMA] began. The lock is released first: a
// section, not a held lock, is what keeps the memory, since a goroutine can be
// preempted with a lock in hand.
func (av *AnonVMA) Unlock(t *Task) {
	av.lock.Unlock() // R6
	t.exit()         // R7
}
