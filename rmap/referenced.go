// Referenced: did anybody touch this page? The first of the two walks that start
// from a page; the other is in unmap.go. See doc.go.

package rmap

// Referenced returns how many of those who map the page have touched it since
// somebody asked last, and forgets that they did (page_referenced_anon). The
// caller needs no lock and no reference. It takes the anon_vma's lock and, one
// after the other, the page table locks of its VMAs.
func (p *Page) Referenced(t *Task) int {
	n := 0
	if p.testClear(pageReferenced) {
		n++
	}
	av := t.Approach(p)
	if av == nil {
		return n
	}
	left := p.mapCount() // read under the lock: a hint for when to stop
	for v := range t.members(av) {
		if !t.findEntry(p, v, func(_ *MM, at *pte) {
			left--
			if *at&pteYoung != 0 {
				*at &^= pteYoung
				n++
			}
		}) {
			continue
		}
		if left <= 0 {
			break
		}
	}
	t.Leave(av)
	return n
}

// findEntry calls f with the entry by which a VMA maps the page, under the page
// table lock, and reports whether there is one. A VMA on the list need not map
// the page, may not reach to its index, or may map another page there: that the
// entry names this page is the check of identity. The anon_vma's lock is held, so
// the VMA and its address space stay.
func (t *Task) findEntry(p *Page, v *VMA, f func(mm *MM, at *pte)) bool {
	addr, here := v.address(p.index.Load())
	if !here {
		return false
	}
	mm := v.mm.Ptr(t.m.heap)
	mm.ptl.Lock()
	defer mm.ptl.Unlock()
	at := mm.pte(t.m.heap, addr)
	if at == nil || !at.maps(p) {
		return false
	}
	f(mm, at)
	return true
}
