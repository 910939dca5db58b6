// Swap space and its cache: pages that have a place outside of memory, and may
// still be in memory too. Beside the walk of doc.go.

package rmap

import (
	"fmt"

	"github.com/slabrcu/slabrcu/kmem"
)

// swapSpace is the device and the cache in front of it.
type swapSpace struct {
	lock  kmem.Lock
	slots []swapSlot // slot 0 is none
	free  []uint32
}

// swapSlot is the place of one page. It is in use while it has users or a page.
type swapSlot struct {
	page  *Page  // the swap cache: the page that this is the place of; it holds a reference
	users uint32 // entries of page tables that stand for it
	data  uint64 // the contents on the device
}

func (s *swapSpace) init(n int) {
	s.slots = make([]swapSlot, n+1)
	s.free = make([]uint32, 0, n)
	for i := n; i >= 1; i-- {
		s.free = append(s.free, uint32(i))
	}
}

// dup counts another entry for a slot that has one.
func (s *swapSpace) dup(slot uint32) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.slots[slot].users == 0 {
		panic(fmt.Sprintf("rmap: another user of swap slot %d, which has none", slot))
	}
	s.slots[slot].users++
}

// users returns how many entries stand for the place of a page. The caller holds
// the page's lock.
func (s *swapSpace) users(p *Page) uint32 {
	slot := p.slot.Load()
	if slot == 0 {
		return 0
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.slots[slot].users
}

// used returns how many slots are in use.
func (s *swapSpace) used() int {
	s.lock.Lock()
	defer s.lock.Unlock()
	return len(s.slots) - 1 - len(s.free)
}

// tidy frees a slot without users and page. The caller holds lock.
func (s *swapSpace) tidy(slot uint32) {
	if at := &s.slots[slot]; at.users == 0 && at.page == nil {
		at.data = 0
		s.free = append(s.free, slot)
	}
}

// forget takes a page out of the swap cache if nobody but the cache and the
// caller has a reference: that of the cache goes. The caller holds lock.
func (s *swapSpace) forget(p *Page) bool {
	if !p.count.CompareAndSwap(2, 1) {
		return false
	}
	slot := p.slot.Load()
	p.slot.Store(0)
	s.slots[slot].page = nil
	s.tidy(slot)
	return true
}

// addToSwap gives a page a place in swap and puts it in the cache. The caller
// holds the page's lock and a reference. False: swap is full.
func (m *Machine) addToSwap(p *Page) bool {
	s := &m.swap
	s.lock.Lock()
	defer s.lock.Unlock()
	n := len(s.free) - 1
	if n < 0 {
		return false
	}
	slot := s.free[n]
	s.free = s.free[:n]
	p.get()
	p.slot.Store(slot)
	p.set(pageDirty)
	s.slots[slot].page = p
	return true
}

// addUser counts an entry that stands for the place of a page in swap from now
// on. The caller holds the page's lock.
func (m *Machine) addUser(p *Page) (slot uint32) {
	slot = p.slot.Load()
	m.swap.lock.Lock()
	m.swap.slots[slot].users++
	m.swap.lock.Unlock()
	return slot
}

// dropSlot takes back an entry that stood for a slot. With the last one the page
// in the cache goes too, if nobody has it.
func (m *Machine) dropSlot(slot uint32) {
	s := &m.swap
	s.lock.Lock()
	at := &s.slots[slot]
	at.users--
	p := at.page
	if p != nil && (at.users > 0 || !p.tryGet()) {
		p = nil
	}
	s.tidy(slot)
	s.lock.Unlock()
	if p != nil {
		m.putMapped(p)
	}
}

// putMapped lets go of a reference like put, and of the swap cache's as well when
// that is the only other one and no entry stands for the page any more.
func (m *Machine) putMapped(p *Page) {
	if slot := p.slot.Load(); slot != 0 {
		s := &m.swap
		s.lock.Lock()
		if p.slot.Load() == slot && s.slots[slot].users == 0 {
			s.forget(p)
		}
		s.lock.Unlock()
	}
	m.put(p)
}

// writeOut brings the device up to date. The caller holds the lock of a page
// that nobody maps.
func (m *Machine) writeOut(p *Page) {
	if !p.testClear(pageDirty) {
		return
	}
	s := &m.swap
	s.lock.Lock()
	s.slots[p.slot.Load()].data = p.data.Load()
	s.lock.Unlock()
}

// dropSwapCache empties the cache of pages that no entry stands for.
func (m *Machine) dropSwapCache() {
	for _, p := range m.frames {
		if p.tryGet() {
			m.putMapped(p)
		}
	}
}
