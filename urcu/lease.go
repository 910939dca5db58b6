// Leases: a word that one goroutine has for its sections and enters by plain
// stores. See doc.go, "Leases".

package urcu

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

const (
	// A lease that ends sooner than leaseWorth cost more than it saved: the next one
	// of its slot takes twice the sections, up to leaseAfter<<maxHaste.
	leaseWorth = time.Millisecond
	maxHaste   = 10
)

// A lease lets the goroutine whose stack has a variable in the 2 KiB of number key
// use a word without an atomic. It is let once and never again: a goroutine that
// was stopped between finding its key and counting up writes to the lease that it
// found, and to nothing that anybody else has by then.
type lease struct {
	// word is a Memb reader's: the epoch last acknowledged, and whether a section is
	// open. While one is, whoever holds the Section writes it, else the tenant.
	word     uint64
	notice   uint64        // what leaders want, as in a record
	key      uintptr       // constant; 0 is nobody's
	recalled uint32        // by who leads, once: no section begins any more
	since    time.Duration // constant

	_ [2*smp.LinePad - 40]byte
}

// nobody has the lease of a slot that is not let.
var nobody = new(lease)

// leases are those of a domain, one for each home of sections at most.
type leases struct {
	let  atomic.Uint64 // slots that leaders look at
	_    [smp.LinePad - 8]byte
	slot [slotCount]leaseSlot
}

// A leaseSlot is written by who has claimed the first word of the same home, but
// for the end of a lease, which is a leader's.
type leaseSlot struct {
	lease atomic.Pointer[lease] // on a line that a tenant only reads
	_     [smp.LinePad - 8]byte
	last  uintptr // key of who was here at the last look
	uses  uint32  // since then, of a shared word
	haste uint32  // leases in a row that ended early, up to maxHaste
	_     [smp.LinePad - 16]byte
}

func newLeases() *leases {
	ls := new(leases)
	for i := range ls.slot {
		ls.slot[i].lease.Store(nobody)
	}
	return ls
}

// count is called by who has just claimed the first word of home i, and has the slot to
// itself therefore. Each leaseAfter times it looks who that is, and lets the slot
// to a caller who was here the last time too.
func (d *Domain) count(i, key uintptr) {
	s := &d.leases.slot[i]
	if s.uses++; s.uses>>atomic.LoadUint32(&s.haste) < leaseAfter {
		return
	}
	s.uses = 0
	if s.last != key {
		s.last = key
		return
	}
	if !d.noLeases && membarrierReady() {
		d.let(i, key)
	}
}

// let lets slot i. The epoch comes before all sections of the lease, so that the
// word may show it as acknowledged: C.
//
// The bit is set by an exchange before the lease is there: a leader that misses
// either has looked before the loads of all its sections.
func (d *Domain) let(i, key uintptr) {
	s := &d.leases.slot[i]
	if le := s.lease.Load(); le != nobody && !d.evict(le, i, key) {
		return
	}
	le := &lease{key: key, since: now(), word: atomic.LoadUint64(&d.epoch) - 1}
	d.leases.let.Or(1 << i)
	s.lease.Store(le)
	d.stats.leases.Add(1)
}

// evict ends the lease that somebody else has of slot i: a goroutine that wants the
// same slot, or has gone, or had its stack moved. It reports false when that cannot be
// done at once. Two that want one slot take it from each other more and more rarely.
//
// It ends a lease of the caller's own too when that was recalled and yet passed by its
// acknowledgement, as a section was about to begin: there may be no grace period any
// more that would. Any other of the caller's own has a section open.
func (d *Domain) evict(le *lease, i, key uintptr) bool {
	if le.key == key && (atomic.LoadUint32(&le.recalled) == 0 || !quiet(atomic.LoadUint64(&le.word))) {
		return false
	}
	if !d.grace.tryLead() {
		return false
	}
	atomic.StoreUint32(&le.recalled, 1)
	membarrier()
	d.stats.membarriers.Add(1)
	ended := quiet(atomic.LoadUint64(&le.word)) && d.leases.slot[i].lease.Load() == le
	if ended {
		d.endLease(i, le)
	}
	d.release()
	return ended
}

// recall is called by who leads, before a membarrier: sections of the leases that
// are left, and silent, begin no more after it. Those that are open are waited for
// as any other, and the leases end when they are seen to have none.
func (g *grace) recall(d *Domain) {
	for m := g.at.leases; m != 0; m &= m - 1 {
		le := d.leases.slot[bits.TrailingZeros64(m)].lease.Load()
		if !acknowledged(&le.word, g.target) {
			atomic.StoreUint32(&le.recalled, 1)
		}
	}
}

// leasePassed looks at the lease of slot i. After a recall and the membarrier that
// followed, a lease without a section has none ever again.
func (g *grace) leasePassed(d *Domain, i int) bool {
	le := d.leases.slot[i].lease.Load()
	if atomic.LoadUint32(&le.recalled) != 0 && quiet(atomic.LoadUint64(&le.word)) {
		d.endLease(uintptr(i), le)
		return true
	}
	return le == nobody || g.passedPlain(d, &le.word)
}

// endLease makes the slot free to be let again. The bit goes before the lease, or
// it would be that of the next one. The caller leads.
func (d *Domain) endLease(i uintptr, le *lease) {
	s := &d.leases.slot[i]
	if now()-le.since > leaseWorth {
		atomic.StoreUint32(&s.haste, 0)
	} else {
		atomic.StoreUint32(&s.haste, min(s.haste+1, maxHaste))
	}
	d.leases.let.And(^(uint64(1) << i))
	s.lease.Store(nobody)
	d.stats.recalls.Add(1)
}
