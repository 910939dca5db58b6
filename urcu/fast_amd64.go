//go:build amd64 && !race

// Sections of Memb and MB readers with plain stores. See doc.go, "Orders". The
// same with atomics is in fast_other.go.
//
// The stores here are data races by the letter of the Go memory model: other
// goroutines load these words with sync/atomic. They are confined to this file,
// which race builds and other architectures leave out. What they rely on: amd64
// keeps stores in order and loads in order (TSO), and the compiler keeps memory
// operations in program order around the atomic accesses inside of a section and
// the atomic load that ends it. (A tenant's other plain stores are in section.go, behind
// plainStores.) All of these functions must inline: the budget is
// 80, and cost_test.go watches it.

package urcu

import "sync/atomic"

// plainStores says that a reader's store may still sit in its store buffer when
// its next load is done.
const plainStores = true

// releaseStore makes v visible after everything before it in program order. MOV.
func releaseStore(p *uint64, v uint64) { *p = v }

func releaseStore32(p *uint32, v uint32) { *p = v }

// lockMemb enters. It looks at nothing: what the word says of the epoch is from
// the last acknowledgement. INC, which takes the word from where DEC left it without
// a trip through memory; load, add and store by a register take 1 ns more.
//
// A: the word and the section's loads may change places in the store buffer.
// Pairs with the membarrier of B in gp.go.
func (r *record) lockMemb() { r.word++ }

// unlockMemb leaves the innermost section.
//
// D: the store releases the section's loads; pairs with passed in record.go.
// notice is looked at after it in program order; pairs with W in lead.go.
func (r *record) unlockMemb() {
	r.word--
	if atomic.LoadUint64(&r.notice) != 0 {
		r.unlockMembSlow()
	}
}

// lockMB enters.
//
// A: XCHG, 2 to 5 ns, makes the word visible before the section's loads. Pairs
// with B in gp.go.
func (r *record) lockMB(epoch *uint64) {
	if r.word&nestMask == 0 {
		atomic.StoreUint64(&r.word, atomic.LoadUint64(epoch))
	} else {
		r.deeper()
	}
}

// unlockMB leaves the innermost section. D and W as in unlockMemb.
func (r *record) unlockMB() {
	r.word--
	if atomic.LoadUint64(&r.notice) != 0 {
		r.unlockMBSlow()
	}
}

// leaveWord ends a section of any goroutine, and is not 0 when there was none. D as in
// unlockMemb.
func leaveWord(p *uint64) uint64 {
	*p--
	return *p & exitTwice
}
