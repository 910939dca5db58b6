// Call: how a callback comes in. See doc.go, "Callbacks".

package urcu

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// ErrTooManyCallbacks is what TryCall returns at Options.MaxCallbacks.
var ErrTooManyCallbacks = errors.New("too many callbacks are pending")

// ErrClosed says that the domain is closed.
var ErrClosed = errors.New("domain is closed")

// Call runs cb with h after a grace period: after all sections that are open now
// have ended. It never blocks and never allocates; it is legal inside sections
// and inside callbacks. It may run earlier callbacks of this domain before it
// returns, so the caller holds no lock that a callback takes.
//
// Callbacks from one goroutine usually run in the order of their Calls; that is
// no promise. Call panics when h is queued already, when cb is zero, and after Close;
// any other number that NewCallback did not return panics when its turn comes.
func (d *Domain) Call(h *Head, cb Callback) {
	if h.state == queuedMark || cb == 0 || invariant.Enabled {
		d.checkCall(h, cb)
	}
	if d.max != 0 {
		d.pending.Add(1)
	}
	if !d.call(h, cb) {
		panic(fmt.Sprintf("urcu: domain %q: Call(%p, %v) after Close", d.name, h, cb))
	}
}

// TryCall is Call for domains with Options.MaxCallbacks: at the bound it queues
// nothing and returns an error that wraps [ErrTooManyCallbacks]; after Close one
// that wraps [ErrClosed].
func (d *Domain) TryCall(h *Head, cb Callback) error {
	d.checkCall(h, cb)
	if d.max != 0 && d.pending.Add(1) > int64(d.max) {
		d.pending.Add(-1)
		d.back.kick(urgent)
		return fmt.Errorf("urcu: TryCall in domain %q: %w (MaxCallbacks is %d)", d.name, ErrTooManyCallbacks, d.max)
	}
	if !d.call(h, cb) {
		return fmt.Errorf("urcu: TryCall in domain %q: %w", d.name, ErrClosed)
	}
	return nil
}

// call queues h on the caller's slot and now and then looks after that queue. It
// reports whether the domain is open.
//
// Close sets closed and then takes every token once: whoever holds one later
// sees it.
func (d *Domain) call(h *Head, cb Callback) bool {
	q := &d.queues[stackSlot()]
	if !q.try() {
		return d.callBusy(h, cb)
	}
	if d.closed.Load() != 0 {
		q.release()
		return d.refuse()
	}
	d.push(q, h, cb)
	if q.due--; q.due == 0 {
		d.tendInCall(q)
	}
	q.release()
	return true
}

// push appends h to q, whose token the caller holds.
func (d *Domain) push(q *queue, h *Head, cb Callback) {
	h.link, h.cb, h.state = 0, cb, queuedMark
	q.next.push(h)
	releaseStore(&q.queued, q.queued+1)
	if !q.armed {
		d.arm(q)
	}
}

// callBusy serves a Call whose slot is taken: by a goroutine with the same bits
// of stack address, by the backstop, or by the caller itself, who is in a
// callback. It does not look after the queue it finds: a callback that calls
// must not run callbacks that call.
func (d *Domain) callBusy(h *Head, cb Callback) bool {
	home := stackSlot()
	for i := uintptr(1); i <= neighbours; i++ {
		q := &d.queues[(home+i)%slotCount]
		if atomic.LoadUint32(&q.token) != 0 || !q.try() {
			continue
		}
		open := d.closed.Load() == 0
		if open {
			d.push(q, h, cb)
		}
		q.release()
		return open || d.refuse()
	}
	return d.spillOver(h, cb)
}

// refuse undoes the count of a Call that came after Close.
func (d *Domain) refuse() bool {
	if d.max != 0 {
		d.pending.Add(-1)
	}
	return false
}

// spillOver pushes h on the one list that needs no token. Whoever looks after a
// queue next takes the whole list, so a push needs no care for reuse of heads.
func (d *Domain) spillOver(h *Head, cb Callback) bool {
	d.spillers.Add(1)
	defer d.spillers.Add(-1)
	if d.closed.Load() != 0 {
		return d.refuse()
	}
	h.cb, h.state = cb, queuedMark
	for {
		top := d.spill.Load()
		h.setNext(top)
		if d.spill.CompareAndSwap(top, h) {
			break
		}
	}
	d.stats.spilled.Add(1)
	d.back.kick(prompt)
	return true
}

// unspill moves the spilled callbacks to q, oldest first. The caller holds the
// token. The phantom keeps q from looking empty while they are in neither place.
func (d *Domain) unspill(q *queue) {
	releaseStore(&q.queued, q.queued+1)
	fullFence()
	var l list
	n := uint64(0)
	for h := d.spill.Swap(nil); h != nil; n++ {
		older := h.next()
		h.setNext(l.first)
		if l.first = h; l.last == nil {
			l.last = h
		}
		h = older
	}
	q.next.take(&l)
	releaseStore(&q.queued, q.queued+n)
	releaseStore(&q.ran, q.ran+1)
	if n != 0 && !q.armed {
		d.arm(q)
	}
}

func (d *Domain) checkCall(h *Head, cb Callback) {
	cb.check(d)
	if h.state == queuedMark {
		panic(fmt.Sprintf("urcu: domain %q: Call(%p, %v), but that Head waits for %v already", d.name, h, cb, h.cb))
	}
}
