// QSBR readers: sections are free, quiescent states are announced. See doc.go.

package urcu

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// A QSBRReader announces quiescent states. From registration on it is online:
// it counts as inside a section until it says otherwise, and every grace period
// waits for its next QuiescentState, Offline or Unregister.
//
// It belongs to the goroutine that registered it.
type QSBRReader struct{ handle }

// RegisterQSBR registers a reader, online. The name appears in reports; empty
// is legal. It panics when the domain's flavor is not [QSBR], after Close, and
// when this goroutine has already registered that name. It takes a lock.
func (d *Domain) RegisterQSBR(name string) *QSBRReader {
	r := new(QSBRReader)
	d.register(QSBR, name, &r.handle)
	watch(r, &r.handle)
	r.Online()
	return r
}

// Lock enters a section. It costs nothing; invariant builds check that the
// reader is online.
func (r *QSBRReader) Lock() {
	if invariant.Enabled {
		r.checkLock("QSBRReader.Lock")
	}
}

// Unlock leaves a section. It costs nothing.
func (r *QSBRReader) Unlock() {
	if invariant.Enabled {
		r.checkUnlock("QSBRReader.Unlock")
	}
}

// QuiescentState announces that the reader holds nothing it has read under this
// domain. It costs three loads while the epoch stands. When it has moved, the
// reader announces that by a store, wakes a leader that waits for it, and runs a
// slice of ripe callbacks like [Domain.Drive].
func (r *QSBRReader) QuiescentState() {
	if r.seen != atomic.LoadUint64(r.epoch) || invariant.Enabled {
		r.quiescentSlow()
	}
}

func (r *QSBRReader) quiescentSlow() {
	if invariant.Enabled {
		r.checkOutside("QSBRReader.QuiescentState")
	}
	r.checkAlive("QSBRReader.QuiescentState")
	if r.seen == 0 {
		panic("urcu: QuiescentState of offline reader " + r.describe() + ": call Online first")
	}
	rec, e := r.rec, atomic.LoadUint64(r.epoch)
	if r.seen == e {
		return
	}
	r.seen = e
	// C: the reader has loaded e, so by load order it begins no section that finds
	// what was unpublished before e, and by store order the word shows that the
	// sections before have ended. No fence, as in a Memb reader's acknowledgement;
	// pairs with passed in record.go. amd64: MOV; its line is with the leader, who
	// looked at it, and nobody waits for that. arm64: STLR.
	//
	// W: the look at notice may come before the word is visible. Pairs with the
	// membarrier of ask in lead.go.
	releaseStore(&rec.word, e)
	if atomic.LoadUint64(&rec.notice) != 0 {
		rec.answer(0)
	}
	r.dom.Drive()
}

// announce publishes the word of a reader that goes offline or comes back, and
// looks whether a leader sleeps.
//
// A: the exchange orders the sections before it with the word, and the word
// with the loads of the sections after it. Pairs with B in gp.go. It also orders
// the word before the look at notice; pairs with W in lead.go.
// amd64: XCHG, 2 to 5 ns. arm64: SWPAL.
func (r *QSBRReader) announce(e uint64) {
	rec := r.rec
	r.seen = e
	atomic.SwapUint64(&rec.word, e)
	if atomic.LoadUint64(&rec.notice) != 0 {
		rec.answer(0)
	}
}

// Offline ends the extended section: no grace period waits for this reader
// until Online. Call it before blocking. It is idempotent.
func (r *QSBRReader) Offline() {
	if invariant.Enabled {
		r.checkOutside("QSBRReader.Offline")
	}
	r.checkAlive("QSBRReader.Offline")
	r.announce(0)
}

// Online begins the extended section again. It is idempotent.
func (r *QSBRReader) Online() {
	r.checkAlive("QSBRReader.Online")
	if r.seen == 0 {
		r.announce(atomic.LoadUint64(r.epoch))
	}
}

// Synchronize waits for a grace period, offline meanwhile, so that the reader
// does not wait for itself. What it held before is void.
func (r *QSBRReader) Synchronize() {
	if invariant.Enabled {
		r.checkOutside("QSBRReader.Synchronize")
	}
	r.checkAlive("QSBRReader.Synchronize")
	online := r.seen != 0
	r.Offline()
	if online {
		defer r.Online()
	}
	r.dom.Synchronize()
}

// Unregister ends the reader. Any later use of it panics or, for Lock and
// Unlock outside of invariant builds, does nothing.
func (r *QSBRReader) Unregister() {
	if invariant.Enabled {
		r.checkOutside("QSBRReader.Unregister")
	}
	r.checkAlive("QSBRReader.Unregister")
	r.unregister()
}
