// Misuse that only invariant builds look for. See doc.go, "Traps".

package urcu

import "fmt"

// For QSBR, nest counts the open sections in invariant builds alone; word and
// ack work as ever.

func (r *QSBRReader) checkLock(op string) {
	r.checkUse(op)
	if r.rec.word == 0 {
		panic("urcu: " + op + " by offline reader " + r.describe())
	}
	r.rec.nest++
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
	if h.rec.word == 0 {
		panic("urcu: " + op + " without Lock by reader " + h.describe())
	}
}
