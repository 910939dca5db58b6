// Leaders: who looks at the readers, for how long, and who wakes whom. See
// doc.go, "Leaders".

package urcu

import (
	"context"
	"runtime/trace"
	"sync/atomic"
	"time"
)

const (
	patientPolls = 150 // looks at a silent reader by a waiter that spins: about what a membarrier costs
	patientLeast = 4   // after readers have stayed silent again and again
	patientShift = 6   // drivers come a batch of callbacks apart, and look so much less often
)

// needsFence reports whether the pass stands before a silent Memb reader that
// has been looked at often enough.
func (g *grace) needsFence(hurry bool, patience int) bool {
	return g.silent > 0 && !g.fenced && (hurry || g.silent > patience)
}

// step is one look at the grace period by a caller that must not wait. It begins
// one when none is under way and tag t needs it. hurry makes it call membarrier
// at once. It reports whether t is done.
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
		if !ok && g.needsFence(hurry, g.patient>>patientShift) {
			g.fence(d)
			ok = g.advance(d)
		}
		if ok {
			g.finish(d)
		}
	}
	d.release()
	return d.done(t)
}

// start begins a grace period for t, unless one is under way. It is too early for
// anybody to have acknowledged it, so all that the look does is ask.
func (d *Domain) start(t uint64) {
	g := &d.grace
	if g.tryLead() {
		if !g.active && !d.done(t) {
			g.begin(d)
			g.advance(d)
		}
		d.release()
	}
}

// release gives the lead away and wakes those whom that concerns.
func (d *Domain) release() {
	d.grace.lead.Store(0)
	if d.crowd.size.Load() != 0 {
		d.crowd.wake(d)
	}
}

// await returns when tag t is done, or with the cause of ctx when that ends.
//
// Everybody who waits does the same: take the lead when it is free, look, let go
// of it before yielding or sleeping. So nobody who is asleep holds the lead, and
// drivers find it free while a waiter sleeps for a late reader.
func (d *Domain) await(ctx context.Context, t uint64, hurry bool) error {
	if d.done(t) {
		return nil
	}
	if trace.IsEnabled() {
		defer trace.StartRegion(ctx, "urcu.GracePeriod").End()
	}
	w := waiter{d: d, tag: t, hurry: hurry}
	for !d.done(t) {
		if d.grace.tryLead() {
			w.lead()
			d.release()
			if d.done(t) {
				break
			}
		}
		if !w.pace.pause() {
			if err := w.sleep(ctx); err != nil {
				return err
			}
		}
	}
	w.retire()
	return nil
}

// A waiter is one call of await.
type waiter struct {
	d        *Domain
	tag      uint64
	hurry    bool
	sentinel bool // this waiter listens to the bell, until it returns
	pace     pace
}

// lead takes the grace period as far as spinning does. The caller has the lead.
func (w *waiter) lead() {
	d, g := w.d, &w.d.grace
	for !d.done(w.tag) {
		if !g.active {
			g.begin(d)
		} else if !reached(g.target, w.tag) && !g.widened {
			// A grace period under way that is too early for this tag is moved to a
			// later epoch instead of waited out: whoever waits for it is served all
			// the same. Once only, or a stream of waiters that give up could put off
			// its end for ever.
			g.begin(d)
			g.widened = true
		}
		for !g.advance(d) {
			if g.needsFence(w.hurry, g.patient) {
				g.fence(d)
			} else if !w.pace.spin() {
				return
			}
		}
		g.finish(d)
	}
}

// sleep parks until the grace period of the tag may have ended, or somebody is
// needed to lead. When it returns an error, the waiter has retired.
func (w *waiter) sleep(ctx context.Context) error {
	stalled, err := w.doze(ctx)
	if stalled != nil {
		w.retire() // the hook is users' code: it may block, or not return
		w.d.reportStall(stalled)
	}
	return err
}

// doze is sleep, but that it returns with a stall to report, without the lead and out of
// the crowd.
func (w *waiter) doze(ctx context.Context) (*Stall, error) {
	d, g := w.d, &w.d.grace
	f := d.crowd.join(d, w.tag)
	defer d.crowd.leave(d, f)
	// The crowd's size is up; now look again. A leader gives the lead away first
	// and then looks at the size: one of the two sees the other. Both are atomics.
	if !g.tryLead() {
		if d.done(w.tag) || g.lead.Load() == 0 {
			return nil, nil
		}
		// The leader's release wakes somebody if there is no sentinel; the
		// sentinel itself looks again soon.
		return nil, w.listen(ctx, f, shortTick)
	}
	late := g.active && g.ask(d)
	if !late {
		g.lead.Store(0) // without release, which would wake this one
		return nil, nil
	}
	limit, stalled := g.stall.look(d)
	if stalled != nil {
		d.release()
		return stalled, nil
	}
	if !w.sentinel {
		w.sentinel = d.sentinel.CompareAndSwap(0, 1)
	}
	g.lead.Store(0) // without release, which would wake this one
	return nil, w.listen(ctx, f, limit)
}

// listen sleeps. Only the sentinel hears the bell and the timer.
func (w *waiter) listen(ctx context.Context, f *follower, limit time.Duration) error {
	d := w.d
	d.stats.parked.Add(1)
	w.pace.awake()
	var bell <-chan struct{}
	var timer <-chan time.Time
	if w.sentinel {
		d.bell.timer.Reset(limit)
		bell, timer = d.bell.ch, d.bell.timer.C
	}
	select {
	case <-f.ch:
		if w.sentinel {
			d.bell.timer.Stop()
		}
		return nil
	case <-bell:
		d.bell.timer.Stop()
		return nil
	case <-timer:
		return nil
	case <-ctx.Done():
	}
	if w.sentinel {
		d.bell.timer.Stop() // before somebody else has it
	}
	w.retire()
	return context.Cause(ctx)
}

// retire gives the bell away: somebody else must listen to it from now on.
func (w *waiter) retire() {
	if w.sentinel {
		w.sentinel = false
		w.d.sentinel.Store(0)
		w.d.crowd.wake(w.d)
	}
}

// ask makes the reader at the cursor ring the bell when it leaves, and reports
// whether there is still one to wait for. The caller leads.
//
// W: mark; fence; look again. The reader: word without a section; look at the mark.
// On amd64 the reader's store may sit in its store buffer while it looks; the membarrier
// forbids that at the leader's cost: either the leader's second look sees that, or
// the reader's look sees the mark. Where all stores are atomics, both fence for
// themselves. Where membarrier is missing a ring can be lost; the timer bounds
// what that costs.
func (g *grace) ask(d *Domain) (late bool) {
	if g.silent > 0 && !g.fenced {
		g.fence(d)
	}
	if g.advance(d) {
		return false
	}
	select {
	case <-d.bell.ch: // an old ring
	default:
	}
	atomic.StoreUint64(g.at.notice(d), g.target|noticeParked)
	if plainStores && membarrier() {
		g.fenced = true // it is as good for B
	}
	return !g.advance(d)
}
