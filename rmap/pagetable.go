// Page tables: two levels of real words. All entries are read and written under
// the address space's page table lock.

package rmap

import (
	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/kmem"
)

const (
	tableShift = 6
	tableSize  = 1 << tableShift

	// AddressPages is the number of pages in an address space.
	AddressPages = tableSize * tableSize
)

// table is the lower level. Its constructed state is empty, and empty is how it
// is freed.
type table struct {
	entry [tableSize]pte
}

func (tb *table) construct() { *tb = table{} }

// pte is a page table entry: 0, or a frame with what was done to it, or a place
// in swap.
type pte uint64

const (
	ptePresent pte = 1 << iota // a frame; all bits below go with it
	pteWrite                   // stores need no fault
	pteYoung                   // touched since somebody looked
	pteDirty                   // written to
	pteSwap                    // a place in swap

	pteShift = 8
)

func framePTE(p *Page, bits pte) pte { return pte(p.number)<<pteShift | ptePresent | bits }
func swapPTE(slot uint32) pte        { return pte(slot)<<pteShift | pteSwap }

func (e pte) present() bool  { return e&ptePresent != 0 }
func (e pte) swapped() bool  { return e&pteSwap != 0 }
func (e pte) has(b pte) bool { return e&b == b }
func (e pte) slot() uint32   { return uint32(e >> pteShift) }

// frame returns the page that the entry maps.
func (m *Machine) frame(e pte) *Page { return m.frames[e>>pteShift] }

// maps reports whether the entry maps that page and no other.
func (e pte) maps(p *Page) bool { return e.present() && uint32(e>>pteShift) == p.number }

// unmapped does what follows when an entry that mapped a page is gone: what it
// knew of writes goes to the page, and the page has a user less. The caller still
// has the entry's reference.
func (m *Machine) unmapped(e pte) {
	p := m.frame(e)
	if e.has(pteDirty) {
		p.set(pageDirty)
	}
	m.road.remove(p)
}

// pte returns the entry of an address, or nil when there is no table for it. The
// caller holds the page table lock.
func (mm *MM) pte(h *kmem.Heap, addr uint64) *pte {
	if invariant.Enabled {
		invariant.Check(mm.ptl.Held(), "pte of page %d: page table lock not held", addr)
	}
	tb := mm.dir[addr>>tableShift].Ptr(h)
	if tb == nil {
		return nil
	}
	return &tb.entry[addr%tableSize]
}

// needTable makes sure that there is a table for an address. The caller holds
// mmap and not the page table lock. Tables stay until the address space goes.
func (t *Task) needTable(mm *MM, addr uint64) error {
	place := &mm.dir[addr>>tableShift]
	mm.ptl.Lock()
	missing := place.IsNil()
	mm.ptl.Unlock()
	if !missing {
		return nil
	}
	tb := t.tables.alloc()
	if tb == nil {
		return ErrNoMemory
	}
	mm.ptl.Lock()
	if place.IsNil() {
		*place = kmem.RefOf(t.m.heap, tb)
		tb = nil
	}
	mm.ptl.Unlock()
	if tb != nil { // another fault was first
		t.tables.free(tb)
	}
	return nil
}

// zap takes all pages of a range out of the tables. The caller holds mmap for
// writing.
func (t *Task) zap(mm *MM, start, end uint64) {
	for addr := start; addr < end; {
		stop := min(end, (addr>>tableShift+1)<<tableShift)
		mm.ptl.Lock()
		if !mm.dir[addr>>tableShift].IsNil() {
			for ; addr < stop; addr++ {
				t.zapEntry(mm, mm.pte(t.m.heap, addr))
			}
		}
		mm.ptl.Unlock()
		addr = stop
	}
}

func (t *Task) zapEntry(mm *MM, at *pte) {
	e := *at
	*at = 0
	switch {
	case e.present():
		mm.rss--
		t.m.unmapped(e)
		t.m.putMapped(t.m.frame(e))
	case e.swapped():
		t.m.dropSlot(e.slot())
	}
}

// freeTables gives the tables of an address space back, all empty by now.
func (t *Task) freeTables(mm *MM) {
	for i := range mm.dir {
		mm.ptl.Lock()
		tb := mm.dir[i].Ptr(t.m.heap)
		mm.dir[i] = kmem.Ref[table]{}
		mm.ptl.Unlock()
		if tb != nil {
			t.tables.free(tb)
		}
	}
}
