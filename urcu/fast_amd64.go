//go:build amd64 && !race

// Sections of Memb and MB readers with plain stores. See doc.go, "Orders". The
// same with atomics is in fast_other.go.
//
// The stores here are data races by the letter of the Go memory model: other
// goroutines load these words with sync/atomic. They are confined to this file,
// which race builds and other architectures leave out. What they rely on: amd64
// keeps stores in order and loads in order (TSO), and the compiler keeps memory
// operations in program order around the atomic loads that begin and end every
// section. All of these functions must inline: the budget is 80, and
// inline_test.go watches it.

package urcu

import "sync/atomic"

// plainStores says that a reader's store may still sit in its store buffer when
// its next load is done.
const plainStores = true

// releaseStore makes v visible after everything before it in program order. MOV.
func releaseStore(p *uint64, v uint64) { *p = v }

func releaseStore32(p *uint32, v uint32) { *p = v }

// lockMemb enters. The fast path wants no section to be open, and the epoch to be
// the one that was acknowledged: the word is then one less than the epoch.
//
// A: the word and the section's loads may change places in the store buffer.
// Pairs with the membarrier of B in gp.go.
func (r *record) lockMemb() {
	if r.word+1 != atomic.LoadUint64(r.epoch) {
		r.lockMembSlow()
	}
	r.word++
}

// lockMB enters.
//
// A: XCHG, 2 to 5 ns, makes the word visible before the section's loads. Pairs
// with B in gp.go.
func (r *record) lockMB() {
	if r.word&nestMask == 0 {
		atomic.StoreUint64(&r.word, atomic.LoadUint64(r.epoch))
	} else {
		r.deeper()
	}
}

// unlock leaves the innermost section.
//
// D: the store releases the section's loads; pairs with passed in record.go.
// waiting is looked at after it in program order; pairs with W in wait.go.
func (r *record) unlock() {
	r.word--
	if atomic.LoadUint64(&r.waiting) != 0 {
		r.unlockSlow()
	}
}
