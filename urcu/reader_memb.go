// Memb readers: plain stores in sections, the fence on the updater's side. See
// doc.go, "Acknowledgements".

package urcu

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// A MembReader enters and leaves sections by plain stores on amd64, by atomic
// ones elsewhere. It belongs to the goroutine that registered it.
type MembReader struct{ handle }

// RegisterMemb registers a reader, offline. The name appears in reports; empty
// is legal. It panics when the domain's flavor is not [Memb], after Close, and
// when this goroutine has already registered that name. It takes a lock.
func (d *Domain) RegisterMemb(name string) *MembReader {
	r := new(MembReader)
	d.register(Memb, name, &r.handle)
	watch(r, &r.handle)
	return r
}

// Lock enters a section; sections nest. Inside, grace periods that begin later
// wait for the matching Unlock. It panics when 65,535 sections are open, which is
// also what an Unlock too many looks like. 1 ns on amd64.
func (r *MembReader) Lock() {
	if invariant.Enabled {
		r.checkUse("MembReader.Lock")
	}
	r.rec.lockMemb()
}

// Unlock leaves the innermost section. There must be one: invariant builds
// panic, in others the next Lock does.
func (r *MembReader) Unlock() {
	if invariant.Enabled {
		r.checkUnlock("MembReader.Unlock")
	}
	r.rec.unlock()
}

// lockMembSlow prepares the word for lockMemb, which then counts the section: for
// a nested one there is nothing to do, for the first one after the epoch moved it
// acknowledges the epoch. The leader then needs no membarrier for this reader.
//
// C: whoever reads the acknowledgement of e sees all sections before this one
// ended, and this one's loads come after the load of e; so a grace period of e
// has nothing to wait for here, and a later one asks again. That takes store and
// load order only. Coming from offline takes a full fence: a leader that still
// reads 0 passes this reader for good, and must have done so before the
// section's loads. Pairs with acknowledged in record.go.
// amd64: MOV; from offline XCHG. arm64: STLR; SWPAL.
//
//go:noinline
func (r *record) lockMembSlow() {
	if r.word&nestMask != 0 {
		r.mayNest()
		return
	}
	e := atomic.LoadUint64(r.epoch) - 1 // without a section
	if r.word == 0 {
		atomic.SwapUint64(&r.word, e)
	} else {
		releaseStore(&r.word, e)
	}
}

// QuiescentState runs a slice of ripe callbacks like [Domain.Drive]. A Memb
// reader is quiescent whenever it is outside of sections.
func (r *MembReader) QuiescentState() { r.dom.Drive() }

// Offline tells updaters that this reader sleeps: they need no membarrier for
// it. The next Lock or Online ends it. It panics inside a section.
func (r *MembReader) Offline() {
	r.checkQuiet("MembReader.Offline")
	atomic.SwapUint64(&r.rec.word, 0)
}

// Online acknowledges the current epoch ahead of the next Lock.
func (r *MembReader) Online() {
	r.checkAlive("MembReader.Online")
	r.rec.lockMemb()
	r.rec.unlock()
}

// Synchronize waits for a grace period. It panics inside a section of this reader.
func (r *MembReader) Synchronize() {
	r.checkQuiet("MembReader.Synchronize")
	r.dom.Synchronize()
}

// Unregister ends the reader; any later use of it panics. It panics inside a
// section. It takes a lock.
func (r *MembReader) Unregister() {
	r.checkQuiet("MembReader.Unregister")
	r.unregister()
}
