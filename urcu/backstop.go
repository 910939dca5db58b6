// The backstop: a goroutine for callbacks whose owner does not drive. See
// doc.go, "Callbacks".

package urcu

import (
	"context"
	"math/bits"
	"runtime/pprof"
	"sync/atomic"
	"time"
)

const (
	shortTick = 100 * time.Microsecond // between looks while something is left lying
	longTick  = 4 * time.Millisecond   // while owners drive, reached step by step: a tick costs 10 µs of somebody's CPU
	dozeTick  = 25 * time.Millisecond  // while nothing is queued
	dozes     = 2                      // so many, and the goroutine ends
)

// A backstop runs only while a domain has callbacks or polled grace periods, and
// a moment longer. An idle domain has no goroutine at all.
type backstop struct {
	state  atomic.Uint32
	armed  atomic.Uint64 // bitmap of queues to look at; bits are cleared by the backstop alone
	wanted atomic.Uint64 // a tag that somebody polls for
	wake   chan struct{}
	stop   atomic.Bool
	alive  atomic.Int32 // its goroutines, those about to be started included
	run    func()       // d.runBackstop, made once so that go allocates nothing
	timer  *time.Timer
	labels context.Context

	seen [slotCount]uint64 // tends of each queue at the last look, or unseen
}

// unseen gives the owner of a queue that was just armed a tick to drive it.
const unseen = ^uint64(0)

const (
	absent  = iota // no goroutine
	ticking        // looks again within longTick
	dozing         // looks again within dozeTick
	blocked        // urgent only: in a timer or a grace period
)

type urgency int

const (
	prompt urgency = iota // within a tick
	urgent                // now
)

func (b *backstop) init(d *Domain) {
	b.wake = make(chan struct{}, 1)
	b.run = d.runBackstop
	b.timer = time.NewTimer(time.Hour)
	b.timer.Stop()
	for i := range b.seen {
		b.seen[i] = unseen
	}
	b.labels = pprof.WithLabels(context.Background(), pprof.Labels("urcu", "backstop", "domain", d.name))
}

// arm puts q under the backstop's eyes. The caller holds the token.
func (d *Domain) arm(q *queue) {
	q.armed = true
	d.back.armed.Or(1 << q.index)
	d.back.kick(prompt)
}

// kick makes sure that the goroutine runs and looks soon. It neither blocks nor
// allocates. Pairs with runBackstop's last look before it ends or dozes: bits
// first, then state, here; state first, then bits, there. All are atomics.
func (b *backstop) kick(u urgency) {
	for {
		switch s := b.state.Load(); {
		case s == absent:
			b.alive.Add(1)
			if b.state.CompareAndSwap(absent, ticking) {
				go b.run()
				return
			}
			b.alive.Add(-1)
		case s == dozing || u == urgent:
			select {
			case b.wake <- struct{}{}:
			default:
			}
			return
		default:
			return
		}
	}
}

// runBackstop is the goroutine.
func (d *Domain) runBackstop() {
	b := &d.back
	well := false
	defer func() {
		if !well { // a callback or a hook called Goexit
			b.state.Store(absent)
			if d.astir() {
				b.kick(prompt)
			}
		}
		b.alive.Add(-1)
	}()
	pprof.SetGoroutineLabels(b.labels)
	idle := 0
	tick := shortTick
	for {
		left, mine := d.patrol()
		switch {
		case left && mine:
			idle, tick = 0, shortTick
		case left:
			idle, tick = 0, min(2*tick, longTick)
		default:
			idle++
			tick = dozeTick
			state := uint32(dozing)
			if idle > dozes || b.stop.Load() {
				state = absent
			}
			b.state.Store(state)
			if d.astir() {
				// Somebody came between the patrol and the store.
				if state == absent && !b.state.CompareAndSwap(absent, ticking) {
					well = true
					return // and started another
				}
				b.state.Store(ticking)
				idle, tick = 0, shortTick
				continue
			}
			if state == absent {
				well = true
				return
			}
		}
		b.rest(tick)
		b.state.Store(ticking)
	}
}

func (b *backstop) rest(tick time.Duration) {
	b.timer.Reset(tick)
	select {
	case <-b.wake:
		b.timer.Stop()
	case <-b.timer.C:
	}
}

// astir reports whether there is anything to look at.
func (d *Domain) astir() bool {
	return d.back.armed.Load() != 0 || d.back.wanted.Load() != 0 || d.spill.Load() != nil
}

// patrol looks at all armed queues once. left says that callbacks remain
// somewhere, mine that some of them are left lying by their owner.
func (d *Domain) patrol() (left, mine bool) {
	b := &d.back
	var behind uint64 // queues whose owner has not tended since the last patrol
	for m := b.armed.Load(); m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		q := &d.queues[i]
		// A queue that runs dry again and again stays armed while its owner tends it:
		// arming wakes this goroutine, at the cost of a Call.
		switch t := atomic.LoadUint64(&q.tended); {
		case t == b.seen[i] && q.len() == 0:
			d.disarm(q)
		case t != b.seen[i] && q.len() < uint64(d.high):
			b.seen[i] = t
			left = true
		default:
			left = true
			behind |= 1 << i
		}
	}
	if w := b.wanted.Load(); w != 0 {
		d.await(context.Background(), w, false)
		b.wanted.CompareAndSwap(w, 0)
	}
	if d.spill.Load() != nil {
		behind |= 1
	}
	if behind != 0 {
		d.adopt(behind)
	}
	return left || behind != 0, behind != 0
}

// adopt does for the queues of the bitmap what their owners do not: tags, one
// grace period for all, and their callbacks.
func (d *Domain) adopt(behind uint64) {
	need := atomic.LoadUint64(&d.completed)
	for m := behind; m != 0; m &= m - 1 {
		q := &d.queues[bits.TrailingZeros64(m)]
		if !q.try() {
			continue
		}
		d.tend(q, false)
		if !q.waiting.empty() && !reached(need, q.tag) {
			need = q.tag
		}
		d.noteTended(q)
		q.release()
	}
	d.await(context.Background(), need, false)
	for m := behind; m != 0; m &= m - 1 {
		q := &d.queues[bits.TrailingZeros64(m)]
		if q.try() {
			d.tend(q, false)
			d.noteTended(q)
			q.release()
		}
	}
}

// noteTended hides the backstop's own tends from its next look.
func (d *Domain) noteTended(q *queue) { d.back.seen[q.index] = q.tended }

// disarm takes an empty queue off the bitmap. A busy token means that it is
// about to be no longer empty.
func (d *Domain) disarm(q *queue) {
	if !q.try() {
		return
	}
	if q.len() == 0 {
		q.armed = false
		d.back.seen[q.index] = unseen
		d.back.armed.And(^(uint64(1) << q.index))
	}
	q.release()
}
