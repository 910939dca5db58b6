// Pages: where the words of sections come from when the home word is taken, and
// how they are forgotten again. See doc.go, "Sections of any goroutine".

package urcu

import (
	"math/bits"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
)

// A page of lines. The first page of a domain is where stackSlot points to;
// further ones take what does not fit. Pages are never freed.
type page struct {
	used atomic.Uint64 // lines that leaders look at
	_    [smp.LinePad - 8]byte
	line [slotCount]line
}

func newPage() *page {
	p := new(page)
	for i := range p.line {
		for j := range p.line[i].word {
			p.line[i].word[j] = untouched
		}
	}
	return p
}

// enterSlow looks for a word in the whole home line and then in further pages.
func (d *Domain) enterSlow(home uintptr, e uint64) Section {
	if w := d.sections.claim(home, e); w != nil {
		return Section{w, &d.sections.line[home].notice, d}
	}
	for {
		pages := d.overflow.Load()
		if s, ok := d.nextFit(*pages, e); ok {
			return s
		}
		d.growSections(pages)
	}
}

// claim takes a free word of line i, or returns nil.
//
// The bit follows the word, or tidy could clear it in between and miss the word.
// Both are exchanges before the section's loads: a leader that misses either has
// looked before those loads, and they see what it waits for.
func (p *page) claim(i uintptr, e uint64) *uint64 {
	for j := range p.line[i].word {
		w := &p.line[i].word[j]
		old := atomic.LoadUint64(w)
		if old&1 != 0 || !atomic.CompareAndSwapUint64(w, old, e) {
			continue
		}
		if old == untouched {
			p.used.Or(1 << i)
		}
		return w
	}
	return nil
}

// nextFit goes on where the last search ended. It gives up when more than half of
// all lines in a row are full: then at least half of the words hold sections, so
// pages are never more than about four times what was needed at the peak.
func (d *Domain) nextFit(pages []*page, e uint64) (Section, bool) {
	n := uint64(len(pages) * slotCount)
	from := d.nextLine.Load()
	for k := uint64(0); 2*k <= n && n > 0; k++ {
		at := (from + k) % n
		p, i := pages[at/slotCount], uintptr(at%slotCount)
		if w := p.claim(i, e); w != nil {
			if k != 0 {
				d.nextLine.Store(at)
			}
			return Section{w, &p.line[i].notice, d}, true
		}
	}
	return Section{}, false
}

// growSections doubles the further pages unless somebody else just did.
//
// A leader that read the list before need not look at the new ones: their
// sections begin after its fence.
func (d *Domain) growSections(seen *[]*page) {
	n := len(*seen)
	grown := make([]*page, n, max(2*n, 1))
	copy(grown, *seen)
	for len(grown) < cap(grown) {
		grown = append(grown, newPage())
	}
	if d.overflow.CompareAndSwap(seen, &grown) {
		d.nextLine.Store(uint64(n * slotCount))
	}
}

// tidy makes leaders forget the lines of the page that hold no section now, so
// that one rush of sections does not slow all later grace periods. The caller
// leads, so nobody else looks at lines meanwhile.
//
// The bit goes first, then each word from free to untouched. A section that
// claimed its word before the latter is found here, whatever became of the bit;
// one that comes later finds the word untouched and sets the bit again.
func (p *page) tidy() {
	for m := p.used.Load(); m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		l := &p.line[i]
		if !l.empty() {
			continue
		}
		p.used.And(^(uint64(1) << i))
		for j := range l.word {
			w := &l.word[j]
			if free := atomic.LoadUint64(w); free&1 != 0 || !atomic.CompareAndSwapUint64(w, free, untouched) {
				p.used.Or(1 << i)
				break // the words that are untouched by now set the bit themselves
			}
		}
	}
}

// empty reports whether no section is open in the line.
func (l *line) empty() bool {
	for i := range l.word {
		if w := atomic.LoadUint64(&l.word[i]); w&1 != 0 {
			return false
		}
	}
	return true
}

// passed reports whether all sections of the line ended or began at t or later.
func (l *line) passed(t uint64) bool {
	for i := range l.word {
		if w := atomic.LoadUint64(&l.word[i]); w&1 != 0 && !reached(w, t) {
			return false
		}
	}
	return true
}
