// Grace periods: one counter, one pass over the readers, one leader at a time.
// See doc.go, "The epoch".

package urcu

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A grace is the grace period of a domain that is under way, if any. Whoever
// holds lead continues it where the last leader stopped: leaders may come and
// go in the middle.
type grace struct {
	lead atomic.Uint32 // 1: held. Taken by try only

	// Guarded by lead.
	active  bool   // target is announced and not yet completed
	widened bool   // target was moved after the start
	asked   bool   // Memb: all that the pass has not reached yet have a notice
	fenced  bool   // Memb: a membarrier has run since the epoch became target
	target  uint64 // readers must be outside, or have entered at target or later
	silent  int    // Memb: polls of readers that did not acknowledge
	patient int    // Memb: polls before the membarrier, by what they were good for last time
	at      cursor
	count   uint64 // grace periods begun
	timed   bool   // this one is measured
	begun   time.Duration
	stall   stallWatch
}

// A cursor walks over what can hold a section. What it has passed stays passed:
// a reader outside at the look, or inside at target or later, sees from then on
// what was unpublished before.
type cursor struct {
	chunks []*chunk // registered readers not yet looked at
	recs   uint64   // bitmap of those left in chunks[0]
	leases uint64   // bitmap of leases left
	pages  []*page  // sections of any goroutine, overflow
	page   *page    // nil: all passed
	lines  uint64   // bitmap of lines left in page
}

// notice returns that of the reader at the cursor.
func (c *cursor) notice(d *Domain) *uint64 {
	switch {
	case len(c.chunks) > 0:
		return &c.chunks[0].rec[bits.TrailingZeros64(c.recs)].notice
	case c.leases != 0:
		return &d.leases.slot[bits.TrailingZeros64(c.leases)].lease.Load().notice
	default:
		return &c.page.line[bits.TrailingZeros64(c.lines)].notice
	}
}

func (g *grace) tryLead() bool {
	return g.lead.Load() == 0 && g.lead.CompareAndSwap(0, 1)
}

// tag returns the epoch that readers must have reached before anything
// unpublished by the caller may be reused.
//
// The fence comes after the caller's unpublishing: a tag taken before it could
// name a grace period that a reader passes while it still finds the object.
func (d *Domain) tag() uint64 {
	fullFence()
	return atomic.LoadUint64(&d.epoch) + epochStep
}

// done reports whether the grace period of tag t has ended.
func (d *Domain) done(t uint64) bool { return reached(atomic.LoadUint64(&d.completed), t) }

// begin announces the next epoch and starts the pass. The caller leads.
//
// B: the exchange (amd64: XCHG; arm64: STLR before the LDARs of the scan) orders
// the updater's unpublishing, which the tag's fence put before it, and the new
// epoch with the scan. Pairs with A of QSBR and MB readers and of Enter. Memb
// readers pair with the membarrier in fence.
func (g *grace) begin(d *Domain) {
	g.target = atomic.LoadUint64(&d.epoch) + epochStep
	atomic.StoreUint64(&d.epoch, g.target)
	g.active, g.asked, g.fenced, g.silent = true, false, false, 0
	g.at = cursor{
		chunks: *d.registry.chunks.Load(),
		pages:  *d.overflow.Load(),
		leases: d.leases.let.Load(),
		page:   d.sections,
		lines:  d.sections.used.Load(),
	}
	if len(g.at.chunks) > 0 {
		g.at.recs = g.at.chunks[0].used.Load()
	}
	g.count++
	if g.timed = g.count%timedEvery == 0; g.timed {
		g.begun = now()
	}
}

// fence is B for Memb: after it, every word says the truth about sections that
// started before it, and sections that start after it see the unpublishing.
func (g *grace) fence(d *Domain) {
	g.recall(d)
	membarrier()
	d.stats.membarriers.Add(1)
	g.fenced = true
	g.patient = max(g.patient/2, patientLeast)
}

// advance moves the cursor over readers that have passed and reports whether
// none is left. The caller leads.
func (g *grace) advance(d *Domain) bool {
	at := &g.at
	for len(at.chunks) > 0 {
		c := at.chunks[0]
		for at.recs != 0 {
			if !g.passed(d, &c.rec[bits.TrailingZeros64(at.recs)]) {
				return false
			}
			at.recs &= at.recs - 1
		}
		if at.chunks = at.chunks[1:]; len(at.chunks) > 0 {
			at.recs = at.chunks[0].used.Load()
		}
	}
	for at.leases != 0 {
		if !g.leasePassed(d, bits.TrailingZeros64(at.leases)) {
			return false
		}
		at.leases &= at.leases - 1
	}
	for at.page != nil {
		for at.lines != 0 {
			if !at.page.line[bits.TrailingZeros64(at.lines)].passed(g.target) {
				return false
			}
			at.lines &= at.lines - 1
		}
		if at.page = nil; len(at.pages) > 0 {
			at.page, at.pages = at.pages[0], at.pages[1:]
			at.lines = at.page.used.Load()
		}
	}
	return true
}

// passed looks at one registered reader.
func (g *grace) passed(d *Domain, r *record) bool {
	if d.flavor != Memb {
		return passed(&r.word, g.target)
	}
	return g.passedPlain(d, &r.word)
}

// passedPlain looks at the word of one who enters by plain stores, a Memb reader or
// the tenant of a lease. Who has not acknowledged the target passes only after a
// membarrier, whatever the word counts: that of a section just begun may still sit in
// a store buffer.
func (g *grace) passedPlain(d *Domain, word *uint64) bool {
	if acknowledged(word, g.target) {
		if g.silent > 0 {
			g.patient = patientPolls // it was worth waiting
		}
		return true
	}
	if (g.fenced || !plainStores) && passed(word, g.target) {
		return true
	}
	if !g.asked {
		g.askAll(d)
	}
	if plainStores && !g.fenced {
		g.silent++
	}
	return false
}

// askAll gives a notice to all who enter by plain stores from the cursor on, so that they
// acknowledge side by side and not one after the other. The caller leads, and has
// announced the target.
//
// Once is enough: the notice stays until its owner takes it, or somebody who leads
// replaces it by a later one. A reader that the bitmaps do not show yet sets its bit
// before it loads the epoch, by atomics, so it shows the target or a later one.
//
// A mark of one who sleeps stays: the pass that he slept in may have been finished by
// a driver before the reader got to its notice, and nobody else would be told. The load
// and the store need no exchange, as only who leads stores marks: when the owner
// takes the notice in between, it rings once more, for nothing.
//
// The store releases the unpublishing, which the tag's fence put before it. Pairs with
// C in unlockMembSlow and exitSlow. amd64: MOV. arm64: STLR.
func (g *grace) askAll(d *Domain) {
	g.asked = true
	for m := g.at.leases; m != 0; m &= m - 1 {
		if le := d.leases.slot[bits.TrailingZeros64(m)].lease.Load(); le != nobody {
			g.askOne(&le.notice)
		}
	}
	recs := g.at.recs
	for i, c := range g.at.chunks {
		if i > 0 {
			recs = c.used.Load()
		}
		for ; recs != 0; recs &= recs - 1 {
			g.askOne(&c.rec[bits.TrailingZeros64(recs)].notice)
		}
	}
}

func (g *grace) askOne(notice *uint64) {
	releaseStore(notice, g.target|atomic.LoadUint64(notice)&noticeParked)
}

// finish publishes the end. The caller leads; release wakes those who waited.
func (g *grace) finish(d *Domain) {
	if g.count%tidyEvery == 0 {
		d.sections.tidy()
		for _, p := range *d.overflow.Load() {
			p.tidy()
		}
	}
	g.active, g.widened = false, false
	releaseStore(&d.completed, g.target)
	releaseStore(&d.stats.ended, d.stats.ended+1)
	if g.timed {
		d.stats.latency.add(now() - g.begun)
	}
	g.stall = stallWatch{}
}
