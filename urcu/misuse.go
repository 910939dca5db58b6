// Misuse that only invariant builds look for. See doc.go, "Traps".

package urcu

import (
	"fmt"
	"sync/atomic"
)

// For QSBR, nest counts the open sections in invariant builds alone; word works
// as ever.

func (r *QSBRReader) checkLock(op string) {
	r.checkUse(op)
	if r.rec.word == 0 {
		panic("urcu: " + op + " by offline reader " + r.describe())
	}
	r.rec.nest++
}

// checkLock looks for what Lock itself has no time for.
func (r *MembReader) checkLock(op string) {
	r.checkUse(op)
	if r.rec.word == 0 {
		panic("urcu: " + op + " by offline reader " + r.describe() + ": call Online first")
	}
	r.rec.mayNest()
}

func (r *QSBRReader) checkUnlock(op string) {
	r.checkUse(op)
	if r.rec.nest == 0 {
		panic("urcu: " + op + " without Lock by reader " + r.describe())
	}
	r.rec.nest--
}

func (r *QSBRReader) checkOutside(op string) {
	r.checkUse(op)
	if r.rec.nest != 0 {
		panic("urcu: " + op + " inside a section of reader " + r.describe())
	}
}

// checkUse panics on a dead handle and on one that another goroutine uses.
func (h *handle) checkUse(op string) {
	h.checkAlive(op)
	if id := goroutineID(); id != h.rec.goid {
		panic(fmt.Sprintf("urcu: %s by goroutine %d: reader %s belongs to goroutine %d", op, id, h.describe(), h.rec.goid))
	}
}

// checkUnlock is for Memb and MB readers, whose word says what is open.
func (h *handle) checkUnlock(op string) {
	h.checkUse(op)
	if h.rec.word&nestMask == 0 {
		panic("urcu: " + op + " without Lock by reader " + h.describe())
	}
}

// checkMayWait panics when the caller would wait for itself: inside a section of
// a registered reader, as the owner of an online QSBR reader, or in a callback.
// Sections of any goroutine are not looked at, as somebody else may end them.
func (d *Domain) checkMayWait(op string) {
	id := goroutineID()
	for i := range d.queues {
		if atomic.LoadUint64(&d.queues[i].runner) == id {
			panic(fmt.Sprintf("urcu: domain %q: %s inside a callback", d.name, op))
		}
	}
	d.registry.mu.Lock()
	defer d.registry.mu.Unlock()
	for r := range d.registry.all() {
		if r.goid == id && r.state == recordLive && r.inside() {
			panic(fmt.Sprintf("urcu: domain %q: %s inside a section of the caller's own reader %q", d.name, op, r.name))
		}
	}
}
