//go:build !amd64 || race

// Sections of Memb and MB readers with atomics: arm64, the race detector,
// everything unknown. See fast_amd64.go for the pairs.

package urcu

import "sync/atomic"

// plainStores is false: every store below is ordered before the loads that
// follow it, so updaters need no membarrier.
const plainStores = false

// releaseStore is sequentially consistent. arm64: STLR.
func releaseStore(p *uint64, v uint64) { atomic.StoreUint64(p, v) }

func releaseStore32(p *uint32, v uint32) { atomic.StoreUint32(p, v) }

// lockMemb enters. arm64: LDADDAL; the section's first load of a shared pointer is
// an atomic one, LDAR, and does not overtake it.
func (r *record) lockMemb() { atomic.AddUint64(&r.word, 1) }

// unlockMemb leaves the innermost section. arm64: LDADDAL, then LDAR, which stay in
// order.
func (r *record) unlockMemb() {
	atomic.AddUint64(&r.word, ^uint64(0))
	if atomic.LoadUint64(&r.notice) != 0 {
		r.unlockMembSlow()
	}
}

// lockMB enters.
func (r *record) lockMB(epoch *uint64) {
	if r.word&nestMask == 0 {
		atomic.StoreUint64(&r.word, atomic.LoadUint64(epoch))
	} else {
		r.deeper()
	}
}

// unlockMB leaves the innermost section. arm64: STLR, then LDAR, which stay in order.
func (r *record) unlockMB() {
	atomic.StoreUint64(&r.word, r.word-1)
	if atomic.LoadUint64(&r.notice) != 0 {
		r.unlockMBSlow()
	}
}

func leaveWord(p *uint64) uint64 {
	w := atomic.LoadUint64(p) - 1
	atomic.StoreUint64(p, w)
	return w & exitTwice
}
