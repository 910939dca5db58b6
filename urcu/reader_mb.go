// MB readers: an exchange enters, a releasing store leaves. See doc.go.

package urcu

import "github.com/slabrcu/slabrcu/internal/invariant"

// An MBReader fences for itself and needs nothing of the kernel. It belongs to
// the goroutine that registered it.
type MBReader struct{ handle }

// RegisterMB registers a reader. The name appears in reports; empty is legal.
// It panics when the domain's flavor is not [MB], after Close, and when this
// goroutine has already registered that name. It takes a lock.
func (d *Domain) RegisterMB(name string) *MBReader {
	r := new(MBReader)
	d.register(MB, name, &r.handle)
	watch(r, &r.handle)
	return r
}

// Lock enters a section; sections nest. It panics when 65,535 sections are open,
// which is also what an Unlock too many looks like. 2 to 5 ns on amd64: the XCHG.
func (r *MBReader) Lock() {
	if invariant.Enabled {
		r.checkUse("MBReader.Lock")
	}
	r.rec.lockMB(r.epoch)
}

// Unlock leaves the innermost section. There must be one: invariant builds
// panic, in others the next Lock does.
func (r *MBReader) Unlock() {
	if invariant.Enabled {
		r.checkUnlock("MBReader.Unlock")
	}
	r.rec.unlockMB()
}

// QuiescentState runs a slice of ripe callbacks like [Domain.Drive].
func (r *MBReader) QuiescentState() { r.dom.Drive() }

// Offline does nothing but check: outside of sections an MB reader costs
// updaters one load.
func (r *MBReader) Offline() { r.checkQuiet("MBReader.Offline") }

// Online does nothing but check.
func (r *MBReader) Online() { r.checkAlive("MBReader.Online") }

// Synchronize waits for a grace period. It panics inside a section of this reader.
func (r *MBReader) Synchronize() {
	r.checkQuiet("MBReader.Synchronize")
	r.dom.Synchronize()
}

// Unregister ends the reader; any later use of it panics. It panics inside a
// section. It takes a lock.
func (r *MBReader) Unregister() {
	r.checkQuiet("MBReader.Unregister")
	r.unregister()
}
