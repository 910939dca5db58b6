// Memb readers: plain stores in sections, the fence on the updater's side. See
// doc.go, "Acknowledgements".

package urcu

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// A MembReader enters and leaves sections by plain stores on amd64, by atomic
// ones elsewhere. It belongs to the goroutine that registered it.
type MembReader struct{ handle }

// RegisterMemb registers a reader, online. The name appears in reports; empty
// is legal. It panics when the domain's flavor is not [Memb], after Close, and
// when this goroutine has already registered that name. It takes a lock.
func (d *Domain) RegisterMemb(name string) *MembReader {
	r := new(MembReader)
	d.register(Memb, name, &r.handle)
	watch(r, &r.handle)
	r.Online()
	return r
}

// Lock enters a section; sections nest, 65,535 deep. Inside, grace periods that
// begin later wait for the matching Unlock. The reader must be online: offline,
// a section protects nothing. Lock is one instruction and looks at nothing, so
// only invariant builds panic here when the reader is offline, was unregistered,
// or nests too deep. In others Unlock does, see there.
func (r *MembReader) Lock() {
	if invariant.Enabled {
		r.checkLock("MembReader.Lock")
	}
	r.rec.lockMemb()
}

// Unlock leaves the innermost section. There must be one. It panics when the
// reader is offline or was unregistered. A count that is wrong, by an Unlock too
// many or by more than 65,535 open sections, is found by the first Unlock after a
// grace period has asked for the reader, and panics there. Grace periods wait
// as long as the count is wrong (up to 131,071 open sections), but the Lock that
// follows an Unlock too many makes it look right: such a section protects nothing.
// Invariant builds panic at the first wrong Unlock.
func (r *MembReader) Unlock() {
	if invariant.Enabled {
		r.checkUnlock("MembReader.Unlock")
	}
	r.rec.unlockMemb()
}

// unlockMembSlow runs after word has got its new value. Between sections it takes
// the notice and acknowledges the epoch: the leader then needs no membarrier for
// this reader. It may do so between the outermost section and the next one, and
// nowhere else: inside, the reader may hold what it found at an older epoch.
//
// C: whoever reads the acknowledgement of e sees all sections before it ended,
// as their loads came before the store, and knows that the loads of all later
// sections come after the load of e, so after the unpublishing that e follows.
// That takes store and load order alone. Whether the word of the next section is
// visible does not matter: it counts from the acknowledged epoch, and a grace
// period of a later one asks again. Pairs with acknowledged in record.go.
// amd64: MOV. arm64: STLR.
//
// The notice brings e along, which saves the reader the miss on the domain's. It is
// the last that was asked, as it is taken by an exchange: a plain 0 could wipe out the
// next one. It may be older than what the word says already, when Online came in
// between; that is safe, and the next one asked is later. Pairs with askAll in gp.go.
//
//go:noinline
func (r *record) unlockMembSlow() {
	if w := r.word; w&(1<<nestBits) == 0 || w == math.MaxUint64 {
		r.wrongUnlock()
	} else if w&nestMask != 0 {
		return
	}
	if n := r.answer(0); n&noticeAck != 0 {
		releaseStore(&r.word, n&^noticeParked-1)
	}
}

// wrongUnlock panics, and leaves the reader outside of sections where it cannot be
// in one. It goes by the word alone, as the notice says little: see noticeOffline. That
// stays as it is, to be answered by the next Unlock.
//
// Offline the word counts from 0, and is MaxUint64 after one Unlock too many, which
// no other Unlock leaves. Online an Unlock too many borrows from the bit above the
// count, and a Lock too many carries into it: either way the bit is 0 then.
func (r *record) wrongUnlock() {
	var what string
	w := r.word
	switch {
	case r == tomb:
		panic("urcu: Unlock by a reader after Unregister")
	case w <= nestMask/2 || w == math.MaxUint64:
		what = "Unlock by an offline reader: call Online before Lock"
		atomic.StoreUint64(&r.word, 0)
	case w&nestMask > nestMask/2:
		what = "Unlock without Lock"
		atomic.StoreUint64(&r.word, (w|nestMask)+1)
	default:
		panic(fmt.Sprintf("urcu: domain %q: reader %q: Unlock with more than %d sections open", r.dom.name, r.name, nestMask))
	}
	r.dom.bell.ring() // somebody may have waited for the count
	panic(fmt.Sprintf("urcu: domain %q: reader %q: %s", r.dom.name, r.name, what))
}

// QuiescentState runs a slice of ripe callbacks like [Domain.Drive]. A Memb
// reader is quiescent whenever it is outside of sections.
func (r *MembReader) QuiescentState() { r.dom.Drive() }

// Offline tells updaters that this reader sleeps: they need no membarrier for
// it. There must be no section until Online. It is idempotent, 10 to 20 ns, and
// panics inside a section.
//
// The notice is not 0 from here until the first Unlock after Online: only the
// owner makes it 0. A leader that looked before may store its own bits over
// noticeOffline, or ask one who has gone; then it finds the word 0 and passes.
func (r *MembReader) Offline() {
	r.checkQuiet("MembReader.Offline")
	atomic.SwapUint64(&r.rec.word, 0)
	r.rec.answer(noticeOffline)
}

// Online ends Offline; an online reader acknowledges the current epoch by it. It
// is idempotent, 2 to 5 ns, and panics inside a section.
//
// A: the exchange makes the word visible before the loads of sections to come: a
// leader that still reads 0 passes this reader for good, and must have done so
// before those loads. Pairs with B in gp.go. The word it shows from here on is an
// acknowledgement as in unlockMembSlow, C. The notice stays for the first Unlock.
// amd64: XCHG. arm64: SWPAL.
func (r *MembReader) Online() {
	r.checkQuiet("MembReader.Online")
	atomic.SwapUint64(&r.rec.word, atomic.LoadUint64(r.epoch)-1)
}

// Synchronize waits for a grace period. It panics inside a section of this reader.
func (r *MembReader) Synchronize() {
	r.checkQuiet("MembReader.Synchronize")
	r.dom.Synchronize()
}

// Unregister ends the reader; any later use of it panics, Lock by its Unlock. It
// panics inside a section. It takes a lock.
func (r *MembReader) Unregister() {
	r.checkQuiet("MembReader.Unregister")
	r.unregister()
}
