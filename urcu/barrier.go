// Barrier: all callbacks queued so far have run. See doc.go, "Barriers".

package urcu

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// Barrier waits until all callbacks whose Call or Defer happened before it have
// run. One grace period is not enough for that: callbacks run later than their
// grace period ends. It blocks, and runs callbacks itself; not inside a section,
// not in a callback.
func (d *Domain) Barrier() {
	if invariant.Enabled {
		d.checkMayWait("Barrier")
	}
	left := new(atomic.Int64)
	left.Store(1)
	d.drainSpill()
	var mask [slotCount]bool
	for i := range d.queues {
		q := &d.queues[i]
		// A queue that looks empty has run all that happened before: len counts
		// a callback until it has returned.
		if q.len() == 0 {
			continue
		}
		mask[i] = true
		left.Add(1)
		d.own(q)
		if d.max != 0 {
			d.pending.Add(1)
		}
		d.push(q, &d.newClosure(func() { left.Add(-1) }).head, runClosure)
		q.release()
	}
	left.Add(-1)
	d.drain(left, &mask)
}

// drain drives the marked queues until left is zero.
func (d *Domain) drain(left *atomic.Int64, mask *[slotCount]bool) {
	var p pace
	for left.Load() > 0 {
		need := atomic.LoadUint64(&d.completed)
		for i := range d.queues {
			q := &d.queues[i]
			if !mask[i] || !q.try() {
				continue
			}
			d.tend(q, true)
			if !q.waiting.empty() && !reached(need, q.tag) {
				need = q.tag
			}
			q.release()
		}
		if left.Load() == 0 {
			return
		}
		d.await(context.Background(), need, false)
		if !p.pause() { // a token is held by somebody who runs callbacks
			time.Sleep(shortTick)
		}
	}
}

// own waits for q's token. Only those who may block call it.
func (d *Domain) own(q *queue) {
	var p pace
	for !q.try() {
		if !p.pause() {
			time.Sleep(shortTick)
		}
	}
}

// drainSpill brings spilled callbacks into some queue, where a barrier sees them.
func (d *Domain) drainSpill() {
	if d.spill.Load() == nil {
		return
	}
	q := &d.queues[stackSlot()]
	d.own(q)
	d.unspill(q)
	q.release()
}
