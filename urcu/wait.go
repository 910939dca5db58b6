// Waiting: spin shortly, yield, park. All of it is here. See doc.go, "Waiting".

package urcu

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A waiter polls quickPolls times at once, then with a pause of about 20 ns
	// in between, then yields the processor between polls, then parks.
	quickPolls = 8
	spinPolls  = 200
	yieldPolls = 24
	spinUnit   = 12

	// A sleep that nobody ends lasts so long: without a heavy fence a wake-up can
	// be lost, with one the sleep only paces the search for stalls.
	lossyLimit  = time.Millisecond
	parkLongest = time.Second
)

// A pace leads one waiter from spinning over yielding to parking. The zero
// value is a waiter that has just come.
type pace struct{ polls int }

// spin burns a moment, and reports false when it is time to let go of things.
func (p *pace) spin() bool {
	if p.polls >= spinPolls {
		return false
	}
	p.polls++
	if p.polls > quickPolls {
		if p.polls == 4*quickPolls && runtime.GOMAXPROCS(0) == 1 {
			p.polls = spinPolls // nobody else runs while this goroutine spins
		}
		for range spinUnit {
			burn()
		}
	}
	return true
}

// pause spins or yields, and reports false when it is time to park. The number
// of yields is bounded: under testing/synctest they stop the clock.
func (p *pace) pause() bool {
	if p.spin() {
		return true
	}
	if p.polls++; p.polls <= spinPolls+yieldPolls {
		runtime.Gosched()
		return true
	}
	return false
}

// awake prepares for the time after a sleep: a short spin.
func (p *pace) awake() { p.polls = spinPolls - spinPolls/4 }

//go:noinline
func burn() {}

// A bell is rung by readers whose record says that a leader waits, and heard by
// the sentinel among the waiters.
type bell struct {
	ch    chan struct{} // one token: a ring before the sleep is not lost
	timer *time.Timer   // belongs to the sentinel
}

func newBell() bell {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return bell{make(chan struct{}, 1), t}
}

// ring never blocks.
func (b *bell) ring() {
	select {
	case b.ch <- struct{}{}:
	default:
	}
}

// A crowd is the waiters of a domain that sleep.
type crowd struct {
	size atomic.Int32 // entries in list
	poke atomic.Uint32
	mu   sync.Mutex
	list []*follower
	idle []*follower // for reuse
}

type follower struct {
	tag uint64
	ch  chan struct{}
}

// join adds a sleeper for tag t.
func (c *crowd) join(d *Domain, t uint64) *follower {
	c.mu.Lock()
	var f *follower
	if n := len(c.idle); n > 0 {
		f, c.idle = c.idle[n-1], c.idle[:n-1]
	} else {
		f = &follower{ch: make(chan struct{}, 1)}
	}
	f.tag = t
	c.list = append(c.list, f)
	c.size.Add(1)
	c.mu.Unlock()
	if c.poke.Load() != 0 {
		c.wake(d) // may wake f, who then looks for itself
	}
	return f
}

// leave removes f, woken or not. A wake-up that f does not use goes to another.
func (c *crowd) leave(d *Domain, f *follower) {
	c.mu.Lock()
	c.remove(func(x *follower) bool { return x == f })
	unused := false
	select {
	case <-f.ch:
		unused = true
	default:
	}
	c.idle = append(c.idle, f)
	c.mu.Unlock()
	if unused || c.poke.Load() != 0 {
		c.wake(d)
	}
}

// remove takes those out for which pick says so. The caller holds mu.
func (c *crowd) remove(pick func(*follower) bool) {
	kept := c.list[:0]
	for _, f := range c.list {
		if !pick(f) {
			kept = append(kept, f)
		}
	}
	c.size.Add(int32(len(kept) - len(c.list)))
	clear(c.list[len(kept):])
	c.list = kept
}

// wake ends the sleep of all whose tag is done, and of one more if somebody is
// needed: to begin the next grace period, or to be the sentinel of this one. It
// never waits for mu, as drivers call it: whoever holds mu finds the poke.
func (c *crowd) wake(d *Domain) {
	c.poke.Store(1)
	for c.poke.Load() != 0 && c.mu.TryLock() {
		c.poke.Store(0)
		done := atomic.LoadUint64(&d.completed)
		needed := done == atomic.LoadUint64(&d.epoch) || d.sentinel.Load() == 0
		c.remove(func(f *follower) bool {
			if !reached(done, f.tag) {
				if !needed {
					return false
				}
				needed = false
			}
			f.ch <- struct{}{} // has room: a sleeper is woken once per join
			return true
		})
		c.mu.Unlock()
	}
}
