// TryToUnmap: take a page away from all who map it. The second of the two walks
// that start from a page; the first is in referenced.go. See doc.go.

package rmap

import (
	"fmt"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// Verdict is what became of an attempt to unmap a page.
type Verdict int

const (
	Success Verdict = iota // nobody maps it any more
	Again                  // somebody still does: later, perhaps
	Fail                   // somebody needs it
)

// String returns the name in lower case.
func (v Verdict) String() string {
	if v < Success || v > Fail {
		return fmt.Sprintf("Verdict(%d)", int(v))
	}
	return [...]string{"success", "again", "fail"}[v]
}

// TryToUnmap puts the page's place in swap where page tables map it
// (try_to_unmap_anon). It fails when one of the VMAs is [Locked], when the page
// was touched since somebody asked, when somebody has a reference that no table
// and no scanner explains, and when the page has no place in swap. The caller
// holds the page's lock and a reference. It takes the anon_vma's lock and, one
// after the other, the page table locks of its VMAs.
func (p *Page) TryToUnmap(t *Task) Verdict {
	if invariant.Enabled {
		invariant.Check(p.lock.Held(), "TryToUnmap of %v: page not locked", p)
	}
	result := Again
	if av := t.Approach(p); av != nil {
		for v := range t.members(av) {
			result = t.unmapOne(p, v)
			if result == Fail || !p.Mapped() {
				break
			}
		}
		t.Leave(av)
	}
	if !p.Mapped() {
		return Success
	}
	return result
}

// unmapOne takes the page away from one VMA, if that maps it.
func (t *Task) unmapOne(p *Page, v *VMA) Verdict {
	result := Again
	t.findEntry(p, v, func(mm *MM, at *pte) {
		e := *at
		if e.has(pteYoung) {
			*at &^= pteYoung
			result = Fail
			return
		}
		// Entries, the swap cache and the caller: no reference but those.
		if v.flags&Locked != 0 || !p.inSwapCache() || p.count.Load() != p.mapCount()+2 {
			result = Fail
			return
		}
		*at = swapPTE(t.m.addUser(p))
		mm.rss--
		t.m.unmapped(e)
		t.m.put(p) // the entry's; the caller has another
	})
	return result
}
