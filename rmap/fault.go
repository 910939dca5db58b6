// Loads, stores, and the faults behind them: pages appear, and sharing breaks.
// See doc.go for the walk.

package rmap

import (
	"fmt"
	"runtime"
)

// Load reads the page at an address. A page that was never written reads as
// zero. It fails with [ErrFault] where there is no VMA or none that may be read,
// and with [ErrNoMemory].
func (t *Task) Load(mm *MM, addr uint64) (uint64, error) {
	var v uint64
	err := t.access(mm, addr, Read, func(p *Page) { v = p.data.Load() })
	return v, err
}

// Store writes the page at an address. It fails with [ErrFault] where there is
// no VMA or none that may be written, and with [ErrNoMemory].
func (t *Task) Store(mm *MM, addr, v uint64) error {
	return t.access(mm, addr, Write, func(p *Page) { p.data.Store(v) })
}

// access does what a processor does, under the page table lock for want of one:
// it looks up the entry, touches the page, and faults until it may.
func (t *Task) access(mm *MM, addr uint64, how VMFlags, touch func(*Page)) error {
	mm.mmap.RLock()
	defer mm.mmap.RUnlock()
	v := mm.find(t.m.heap, addr)
	if v == nil || v.flags&how == 0 {
		return fmt.Errorf("rmap: %v at page %d: %w", how, addr, ErrFault)
	}
	for round := 0; ; round++ {
		e, done := t.tryAccess(mm, addr, how, touch)
		if done {
			return nil
		}
		if err := t.fault(mm, v, addr, e); err != nil {
			return err
		}
		if round > 3 {
			runtime.Gosched() // the scanner takes it away as fast as we bring it
		}
	}
}

// tryAccess touches the page if the entry allows it, or returns the entry.
func (t *Task) tryAccess(mm *MM, addr uint64, how VMFlags, touch func(*Page)) (e pte, done bool) {
	mm.ptl.Lock()
	defer mm.ptl.Unlock()
	at := mm.pte(t.m.heap, addr)
	if at != nil {
		e = *at
	}
	switch {
	case e == 0 && how == Read:
		return e, true // the zero page, which nobody needs to map
	case !e.present(), how == Write && !e.has(pteWrite):
		return e, false
	}
	*at |= pteYoung
	if how == Write {
		*at |= pteDirty
	}
	touch(t.m.frame(e))
	return e, true
}

// fault does one step towards an entry that allows the access. e is what stood
// there; whoever finds something else there by now has nothing to do.
func (t *Task) fault(mm *MM, v *VMA, addr uint64, e pte) error {
	t.counts.Faults++
	switch {
	case e == 0:
		return t.faultNew(mm, v, addr)
	case e.swapped():
		return t.faultSwap(mm, v, addr, e)
	default:
		return t.faultShared(mm, v, addr, e)
	}
}

// faultNew maps a page of zeros where there was none.
func (t *Task) faultNew(mm *MM, v *VMA, addr uint64) error {
	if err := t.prepareAnon(mm, v); err != nil {
		return err
	}
	if err := t.needTable(mm, addr); err != nil {
		return err
	}
	p := t.newPage()
	if p == nil {
		return ErrNoMemory
	}
	p.data.Store(0)
	t.install(mm, v, addr, 0, p)
	return nil
}

// install maps a new page, whose only reference it takes over, in place of an
// entry, if that still stands there.
func (t *Task) install(mm *MM, v *VMA, addr uint64, old pte, p *Page) {
	h := t.m.heap
	mm.ptl.Lock()
	at := mm.pte(h, addr)
	same := *at == old
	if same {
		p.set(pageDirty)
		t.m.lru.add(h, p, true)
		t.m.road.add(p, anonMapping(v.anon.Load()), v.index(addr))
		*at = framePTE(p, pteWrite|pteYoung|pteDirty)
		if old.present() {
			t.m.unmapped(old)
		} else {
			mm.rss++
		}
	}
	mm.ptl.Unlock()
	switch {
	case !same:
		t.m.put(p)
	case old.present():
		t.m.putMapped(t.m.frame(old)) // the entry's reference
	}
}

// faultShared breaks the sharing of a page: its last user gets it, any other a
// copy.
func (t *Task) faultShared(mm *MM, v *VMA, addr uint64, e pte) error {
	p := t.m.frame(e)
	mm.ptl.Lock()
	same := *mm.pte(t.m.heap, addr) == e
	if same {
		p.get()
	}
	mm.ptl.Unlock()
	if !same {
		return nil
	}
	defer t.m.putMapped(p)
	if t.takeOver(mm, addr, p) {
		return nil
	}
	fresh := t.newPage()
	if fresh == nil {
		return ErrNoMemory
	}
	t.counts.Copies++
	fresh.data.Store(p.data.Load()) // nobody writes to a page that several map
	t.install(mm, v, addr, e, fresh)
	return nil
}

// takeOver allows stores to a page that nobody else can see: no other entry maps
// it or has its place in swap. The page's lock keeps one kind of user from
// turning into the other while they are counted.
func (t *Task) takeOver(mm *MM, addr uint64, p *Page) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.mapCount() != 1 || t.m.swap.users(p) != 0 {
		return false
	}
	mm.ptl.Lock()
	defer mm.ptl.Unlock()
	at := mm.pte(t.m.heap, addr)
	if !at.maps(p) {
		return true // it went away: the next look finds out
	}
	*at |= pteWrite
	return true
}
