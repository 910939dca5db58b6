// Faults on pages that are in swap: back from the cache, or from the device. See
// doc.go for the walk.

package rmap

// faultSwap maps the page whose place in swap the entry e has. The page is
// mapped under its lock, so that it does not change hands meanwhile, and
// read-only: whether the process may have it for itself is the next fault's
// question.
func (t *Task) faultSwap(mm *MM, v *VMA, addr uint64, e pte) error {
	p, err := t.swapPage(e.slot())
	if p == nil {
		return err
	}
	t.counts.SwapIns++
	p.lock.Lock()
	mm.ptl.Lock()
	at := mm.pte(t.m.heap, addr)
	same := *at == e && p.slot.Load() == e.slot()
	if same {
		p.get() // the entry's
		t.m.road.add(p, anonMapping(v.anon.Load()), v.index(addr))
		*at = framePTE(p, pteYoung)
		mm.rss++
		t.m.dropSlot(e.slot())
	}
	mm.ptl.Unlock()
	p.lock.Unlock()
	t.m.putMapped(p)
	return nil
}

// swapPage returns the page of a slot, with a reference, from the cache or read
// into it. Nil without an error: the slot has no users any more.
func (t *Task) swapPage(slot uint32) (*Page, error) {
	s := &t.m.swap
	p, gone := s.lookup(slot)
	if p != nil || gone {
		return p, nil
	}
	fresh := t.newPage()
	if fresh == nil {
		return nil, ErrNoMemory
	}
	s.lock.Lock()
	at := &s.slots[slot]
	if at.page != nil || at.users == 0 { // somebody was first, or all are gone
		s.lock.Unlock()
		t.m.put(fresh)
		p, _ = s.lookup(slot)
		return p, nil
	}
	fresh.data.Store(at.data)
	fresh.get() // the cache's
	fresh.slot.Store(slot)
	at.page = fresh
	s.lock.Unlock()
	t.m.lru.add(t.m.heap, fresh, true)
	return fresh, nil
}

// lookup returns the page in the cache, with a reference, and whether the slot is
// out of use.
func (s *swapSpace) lookup(slot uint32) (p *Page, gone bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	at := &s.slots[slot]
	if at.page == nil {
		return nil, at.users == 0
	}
	at.page.get()
	return at.page, false
}
