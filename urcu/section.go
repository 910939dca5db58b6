// Sections of any goroutine: a word claimed per section. See doc.go, "Sections
// of any goroutine".

package urcu

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/smp"
)

const wordsPerLine = 7

const (
	// untouched marks the words of a line that leaders do not look at. It is even,
	// hence no epoch.
	untouched = 2 * exitTwice

	// exitTwice is set in a word that was free and is counted down once more, and in
	// no other. Nobody claims such a word, as it is odd.
	exitTwice = 1 << 3
)

// A line is a cache line of words; each belongs to at most one open section.
type line struct {
	word   [wordsPerLine]uint64 // untouched: free, tell leaders first; else the epoch at entry, less 1 when free again
	notice uint64               // as in a record: a parked leader waits for one of the words
	_      [smp.LinePad - 8*wordsPerLine - 8]byte
}

// A Section is an open read-side critical section of no particular goroutine.
// It may be left by another goroutine than entered it.
type Section struct {
	word   *uint64
	notice *uint64
	dom    *Domain
}

// Enter opens a section. Any goroutine may, at any time, in any number: the
// section may sleep, nest in others, and migrate between threads. It never
// blocks; it allocates only when more sections are open than ever before, and for a
// lease. Until the word is written it makes no call.
//
// A: a tenant's store and the section's loads may change places in the store buffer;
// pairs with the membarrier of B in gp.go. recalled is looked at after the store: see
// recall. For others the exchange makes the word visible before the section's loads; pairs
// with B in gp.go. amd64: LOCK CMPXCHG. arm64: CASAL, and the section's first load of
// a shared pointer is atomic.
func (d *Domain) Enter() Section {
	key := stackKey()
	home := key & (slotCount - 1)
	if le := d.leases.slot[home].lease.Load(); plainStores && le.key == key {
		if w := le.word; w&1 == 0 {
			le.word = w + 1
			s := Section{&le.word, &le.notice, d}
			if atomic.LoadUint32(&le.recalled) == 0 {
				return s
			}
			s.Exit()
		}
	}
	return d.enterShared(home, key)
}

// enterShared is Enter with a word that is let to nobody, the first of the home if
// that is free.
//
//go:noinline
func (d *Domain) enterShared(home, key uintptr) Section {
	e := atomic.LoadUint64(&d.epoch)
	l := &d.sections.line[home]
	w := &l.word[0]
	if old := atomic.LoadUint64(w); old&1 == 0 && old != untouched && atomic.CompareAndSwapUint64(w, old, e) {
		if plainStores {
			d.count(home, key)
		}
		return Section{w, &l.notice, d}
	}
	return d.enterSlow(home, e)
}

// Exit ends the section, once. A second Exit panics when nobody has claimed the
// word since.
//
// D: the store releases the section's loads; pairs with passed in record.go. notice is
// looked at after it in program order; pairs with W in lead.go.
func (s Section) Exit() {
	if invariant.Enabled && s.word == nil {
		panic("urcu: Exit of a Section that no Enter returned")
	}
	if leaveWord(s.word)|atomic.LoadUint64(s.notice) != 0 {
		s.exitSlow()
	}
}

// exitSlow runs after the word has got its new value. A tenant acknowledges the epoch,
// as a Memb reader does; another goroutine may not write to the word once it has left, as
// the tenant may be in its next section. Until the word is written there is no call.
//
// C: see unlockMembSlow. Pairs with acknowledged in record.go, and with askAll in gp.go.
//
//go:noinline
func (s Section) exitSlow() {
	key := stackKey()
	le := s.dom.leases.slot[key&(slotCount-1)].lease.Load()
	n := atomic.LoadUint64(s.notice)
	if plainStores && le.key == key && s.word == &le.word {
		n = atomic.SwapUint64(&le.notice, 0)
		if n&noticeAck != 0 && le.word&1 == 0 {
			le.word = n&^noticeParked - 1
		}
	}
	if n&noticeParked|atomic.LoadUint64(s.word)&exitTwice != 0 {
		s.exitRare()
	}
}

// exitRare answers the mark of one who sleeps, which is anybody's to answer, or panics.
//
//go:noinline
func (s Section) exitRare() {
	if atomic.LoadUint64(s.word)&exitTwice != 0 {
		atomic.AddUint64(s.word, 1)
		panic("urcu: Section.Exit twice in domain \"" + s.dom.name + "\"")
	}
	if atomic.LoadUint64(s.notice)&noticeParked != 0 {
		atomic.StoreUint64(s.notice, 0)
	}
	s.dom.bell.ring()
}
