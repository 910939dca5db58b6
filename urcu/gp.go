// Grace periods: one counter, one pass over the readers, one leader at a time.
// See doc.go, "The epoch".

package urcu

import (
	"context"
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
	fenced  bool   // Memb: a membarrier has run since the epoch became target
	target  uint64 // readers must be outside, or have entered at target or later
	silent  int    // Memb: polls of readers that did not acknowledge
	at      cursor
	timed   bool // this one is measured
	begun   time.Duration
	stall   stallWatch
}

// A cursor walks over what can hold a section. What it has passed stays passed:
// a reader outside at the look, or inside at target or later, sees from then on
// what was unpublished before.
type cursor struct {
	chunks []*chunk // registered readers not yet looked at
	recs   uint64   // bitmap of those left in chunks[0]
	pages  []*page  // sections of any goroutine, overflow
	page   *page    // nil: all passed
	lines  uint64   // bitmap of lines left in page
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
func (d *Domain) done(t uint64) bool { return reached(d.completed.Load(), t) }

// begin announces the next epoch and starts the pass. The caller leads.
//
// B: the exchange (amd64: XCHG; arm64: STLR before the LDARs of the scan) orders
// the updater's unpublishing, which the tag's fence put before it, and the new
// epoch with the scan. Pairs with A of QSBR and MB readers and of Enter. Memb
// readers pair with the membarrier in fence.
func (g *grace) begin(d *Domain) {
	g.target = atomic.LoadUint64(&d.epoch) + epochStep
	atomic.StoreUint64(&d.epoch, g.target)
	g.active, g.fenced, g.silent = true, false, 0
	g.at = cursor{
		chunks: *d.registry.chunks.Load(),
		pages:  *d.overflow.Load(),
		page:   d.sections,
		lines:  d.sections.used.Load(),
	}
	if len(g.at.chunks) > 0 {
		g.at.recs = g.at.chunks[0].used.Load()
	}
	n := d.stats.begun.Load() + 1
	d.stats.begun.Store(n)
	if g.timed = n%timedEvery == 0; g.timed {
		g.begun = now()
	}
}

// fence is B for Memb: after it, every word says the truth about sections that
// started before it, and sections that start after it see the unpublishing.
func (g *grace) fence(d *Domain) {
	membarrier()
	d.stats.membarriers.Add(1)
	g.fenced = true
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

// passed looks at one registered reader. A Memb reader that has not
// acknowledged the target passes only after a membarrier, whatever its word
// reads: the word of a section just begun may still sit in a store buffer.
func (g *grace) passed(d *Domain, r *record) bool {
	if d.flavor != Memb || !plainStores {
		return r.passed(g.target)
	}
	if r.acknowledged(g.target) {
		return true
	}
	if !g.fenced {
		g.silent++
		return false
	}
	return r.passed(g.target)
}

// passed reports whether all sections of the line have.
func (l *line) passed(t uint64) bool {
	for i := range l.word {
		if w := atomic.LoadUint64(&l.word[i]); w != 0 && !reached(w, t) {
			return false
		}
	}
	return true
}

// finish publishes the end. The caller leads, and after it has let go of the
// lead wakes the crowd.
func (g *grace) finish(d *Domain) {
	g.active, g.widened = false, false
	d.completed.Store(g.target)
	d.stats.ended.Store(d.stats.ended.Load() + 1)
	if g.timed {
		d.stats.latency.add(now() - g.begun)
	}
	g.stall = stallWatch{}
}

// release gives the lead away and wakes those who waited for it.
func (g *grace) release(d *Domain) {
	g.lead.Store(0)
	d.crowd.wake(d.completed.Load())
}

// step is one look at the grace period by a caller that must not block. It
// begins one when none is under way and tag t needs it. hurry makes it call
// membarrier at once. It reports whether t is done.
func (d *Domain) step(t uint64, hurry bool) bool {
	g := &d.grace
	if !g.tryLead() {
		return d.done(t)
	}
	if !g.active && !d.done(t) {
		g.begin(d)
	}
	if g.active {
		ok := g.advance(d)
		if !ok && g.needsFence(hurry, patientSteps) {
			g.fence(d)
			ok = g.advance(d)
		}
		if ok {
			g.finish(d)
		}
	}
	g.release(d)
	return d.done(t)
}

// needsFence reports whether the pass stands before a silent Memb reader that
// has been looked at often enough.
func (g *grace) needsFence(hurry bool, patience int) bool {
	return g.silent > 0 && !g.fenced && (hurry || g.silent > patience)
}

const (
	patientSteps = 3   // looks of drivers, which come a batch of callbacks apart
	patientPolls = 200 // polls of a waiter, which come 20 ns apart
)

// lead completes tag t. The caller holds the lead and keeps it. A cancelled
// context leaves the grace period for the next leader.
func (d *Domain) lead(ctx context.Context, t uint64, hurry bool) error {
	g := &d.grace
	for !d.done(t) {
		if !g.active {
			g.begin(d)
		} else if !reached(g.target, t) && !g.widened {
			// A grace period under way that is too early for t is widened, not
			// waited out: whoever waits for it is served by the later one. Once
			// only, or cancelled leaders could put off its end for ever.
			g.begin(d)
			g.widened = true
		}
		var p pace
		for !g.advance(d) {
			if g.needsFence(hurry, patientPolls) {
				g.fence(d)
			} else if !p.pause() {
				if err := d.park(ctx); err != nil {
					return err
				}
			}
		}
		g.finish(d)
	}
	return nil
}

// park sleeps until the reader at the cursor leaves. The caller leads.
func (d *Domain) park(ctx context.Context) error {
	g := &d.grace
	if g.silent > 0 && !g.fenced {
		g.fence(d)
	}
	limit := g.stall.look(d)
	d.stats.parked.Add(1)
	return d.bell.sleep(ctx, func() bool { return g.mark(d) }, limit)
}

// mark asks the reader at the cursor to ring the bell when it leaves, and
// reports whether there is one.
func (g *grace) mark(d *Domain) (late bool) {
	if g.advance(d) {
		return false
	}
	at := &g.at
	if len(at.chunks) > 0 {
		atomic.StoreUint64(&at.chunks[0].rec[bits.TrailingZeros64(at.recs)].waiting, 1)
	} else {
		atomic.StoreUint32(&at.page.line[bits.TrailingZeros64(at.lines)].waiting, 1)
	}
	return !g.advance(d)
}
