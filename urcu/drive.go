// Driving: tags, grace periods and slices, by whoever holds a queue's token. See
// doc.go, "Callbacks".

package urcu

import (
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

const (
	tendPeriod = 4 * time.Microsecond // how often a busy caller looks after its queue
	nestedDue  = 16                   // Calls until the next try, inside a callback
)

// Drive is one cheap step for the callbacks that this goroutine has queued: it
// sees finished grace periods, begins the next, and runs a slice of what is
// ripe. It costs one load when nothing is queued and never blocks. Call it at
// quiescent points, with no lock held that a callback takes.
func (d *Domain) Drive() {
	q := &d.queues[stackSlot()]
	if q.len() == 0 || d.insideCallback() || !q.try() {
		return
	}
	d.tend(q, false)
	q.release()
}

// tendInCall tends q and sets when the next Call does so again: after about
// tendPeriod, by the rate of Calls since the last time.
func (d *Domain) tendInCall(q *queue) {
	if d.insideCallback() {
		q.due = nestedDue
		return
	}
	t := now()
	calls, took := q.queued-q.lastQueued, t-q.lastTend
	n := q.len()
	over := n >= uint64(d.high)
	d.tend(q, over)
	q.lastQueued, q.lastTend = q.queued, t
	switch {
	case over || !q.done.empty():
		q.due = 1
	case took <= 0:
		q.due = maxDue
	default:
		q.due = uint32(min(max(calls*uint64(tendPeriod)/uint64(took), 1), maxDue))
	}
	if n >= uint64(d.over) {
		d.back.kick(urgent)
	}
}

// insideCallback guesses whether the caller runs inside a slice of callbacks: a
// slice is under way a little up the stack. Callbacks that Call usually find
// their own token taken and never come here, but a deep frame has other bits of
// address. A wrong yes costs a delay; a wrong no nests one more slice, at most
// one per queue.
func (d *Domain) insideCallback() bool {
	home := stackSlot()
	for i := uintptr(1); i <= 4; i++ {
		if atomic.LoadUint32(&d.queues[(home+i)%slotCount].running) != 0 {
			return true
		}
	}
	return false
}

// tend moves q's segments along, takes a step of the grace period that they
// wait for, and runs a slice. The caller holds the token.
func (d *Domain) tend(q *queue, hurry bool) {
	releaseStore(&q.tended, q.tended+1)
	n := q.len()
	if n > q.peak {
		releaseStore(&q.peak, n)
	}
	if d.spill.Load() != nil {
		d.unspill(q)
	}
	q.promote(d)
	if !q.waiting.empty() && d.step(q.tag, hurry) {
		q.promote(d)
		if !q.waiting.empty() {
			d.start(q.tag)
		}
	}
	if !q.done.empty() {
		if n >= uint64(d.high) {
			d.run(q, bigSlice)
		} else {
			d.run(q, slice)
		}
	}
}

// promote moves what waited long enough to done, and then gives a tag to all
// that have come since. The exchange on the token, taken after the last Call's
// unpublishing, is the fence that the tag needs. The caller holds the token.
func (q *queue) promote(d *Domain) {
	if !q.waiting.empty() && d.done(q.tag) {
		q.done.take(&q.waiting)
	}
	if q.waiting.empty() && !q.next.empty() {
		q.waiting, q.next = q.next, list{}
		q.tag = atomic.LoadUint64(&d.epoch) + epochStep
	}
}

// run runs up to n callbacks of q's done segment. The token stays held, so that
// one queue's callbacks run in order; a callback that Calls finds it taken and
// uses a neighbour. A callback that panics has left the queue before it ran, and
// the queue is in order while the panic unwinds.
func (d *Domain) run(q *queue, n int) {
	ran := 0
	ok := false
	releaseStore32(&q.running, 1)
	if invariant.Enabled {
		releaseStore(&q.runner, goroutineID())
	}
	defer func() {
		if invariant.Enabled {
			releaseStore(&q.runner, 0)
		}
		releaseStore32(&q.running, 0)
		releaseStore(&q.ran, q.ran+uint64(ran))
		if d.max != 0 {
			d.pending.Add(int64(-ran))
		}
		if !ok {
			q.due = 1
			q.release()
		}
	}()
	table := *callbacks.table.Load()
	for ran < n {
		h := q.done.pop()
		if h == nil {
			break
		}
		cb := h.cb
		h.link, h.state = 0, 0
		ran++
		table[cb].fn(h)
	}
	ok = true
}

// pendingCallbacks is how many are queued and have not run.
func (d *Domain) pendingCallbacks() uint64 {
	n := uint64(0)
	if d.spill.Load() != nil { // first: callbacks move from here to a queue
		n++
	}
	for i := range d.queues {
		n += d.queues[i].len()
	}
	return n
}

// started is where the package's clock begins.
var started = time.Now()

// now is the monotonic clock, 20 to 40 ns.
func now() time.Duration { return time.Since(started) }
