// Sections of any goroutine: a word claimed per section. See doc.go, "Sections
// of any goroutine".

package urcu

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/smp"
)

const wordsPerLine = 7

// untouched marks the words of a line that leaders do not look at. It is even,
// hence no epoch.
const untouched = 2

// A line is a cache line of words; each belongs to at most one open section.
type line struct {
	word    [wordsPerLine]uint64 // 0: free; untouched: free, tell leaders first; else the epoch at entry
	waiting uint32               // a parked leader waits for one of the words
	_       [smp.LinePad - 8*wordsPerLine - 4]byte
}

// A Section is an open read-side critical section of no particular goroutine.
// It may be left by another goroutine than entered it.
type Section struct {
	word *uint64
	line *line
	dom  *Domain
}

// Enter opens a section. Any goroutine may, at any time, in any number: the
// section may sleep, nest in others, and migrate between threads. It never
// blocks; it allocates only when more sections are open than ever before.
//
// A: the exchange makes the word visible before the section's loads. Pairs
// with B in gp.go. amd64: LOCK CMPXCHG. arm64: CASAL, and the section's first
// load of a shared pointer is atomic.
func (d *Domain) Enter() Section {
	e := atomic.LoadUint64(&d.epoch)
	l := &d.sections.line[stackSlot()]
	if atomic.CompareAndSwapUint64(&l.word[0], 0, e) {
		return Section{&l.word[0], l, d}
	}
	return d.enterSlow(e)
}

// Exit ends the section, once. A second Exit panics when nobody has claimed the
// word since.
//
// D: the store of 0 releases the section's loads; see reader_memb.go.
func (s Section) Exit() {
	if invariant.Enabled || atomic.LoadUint64(s.word) == 0 {
		s.checkExit()
	}
	releaseStore(s.word, 0)
	if atomic.LoadUint32(&s.line.waiting) != 0 {
		s.exitSlow()
	}
}

func (s Section) exitSlow() {
	atomic.StoreUint32(&s.line.waiting, 0)
	s.dom.bell.ring()
}

func (s Section) checkExit() {
	if s.word == nil {
		panic("urcu: Exit of a Section that no Enter returned")
	}
	if atomic.LoadUint64(s.word) == 0 {
		panic("urcu: Section.Exit twice in domain \"" + s.dom.name + "\"")
	}
}
