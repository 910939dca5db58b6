// Waiting: spin shortly, yield, park. All of it is here. See doc.go, "Waiting".

package urcu

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	spinPolls  = 300 // polls that only burn time, about 20 ns each
	yieldPolls = 40  // then polls with a Gosched in between
	spinUnit   = 30

	// backstop bounds a sleep that nobody ends. With a heavy fence no wake-up can
	// be lost and it only paces stall checks.
	parkBackstop = time.Millisecond
	parkLongest  = 100 * time.Millisecond
)

// A pace leads one waiter from spinning over yielding to parking. The zero
// value is a waiter that has just come.
type pace struct{ polls int }

// pause burns or yields a moment, and reports false when it is time to park.
func (p *pace) pause() bool {
	p.polls++
	switch {
	case p.polls <= spinPolls:
		if p.polls == spinPolls/8 && runtime.GOMAXPROCS(0) == 1 {
			p.polls = spinPolls // nobody else runs while this goroutine spins
		}
		for range spinUnit {
			spinSink()
		}
	case p.polls <= spinPolls+yieldPolls:
		runtime.Gosched()
	default:
		return false
	}
	return true
}

//go:noinline
func spinSink() {}

// A bell wakes the leader of a domain's grace period. Readers ring it when their
// record says that a leader waits.
type bell struct {
	ch    chan struct{} // one token: rings before the sleep are not lost
	timer *time.Timer   // owned by the leader
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

// sleep parks the leader until late reports false, the limit passes or ctx ends.
// mark asks the late reader to ring.
//
// W: mark; fence; look again; sleep. The reader: word := 0; look at the mark. On
// amd64 the reader's store and load may change places in its store buffer; the
// membarrier forbids it at the leader's cost: either the leader's second look
// sees 0 or the reader's look sees the mark. Where stores are atomics the
// reader fences for itself. Where membarrier is missing, a wake-up can be lost,
// and the sleep is bounded by parkBackstop.
func (b *bell) sleep(ctx context.Context, mark func() (late bool), limit time.Duration) error {
	select {
	case <-b.ch:
	default:
	}
	if !mark() {
		return nil
	}
	if plainStores && !membarrier() {
		limit = min(limit, parkBackstop)
	}
	if !mark() {
		return nil
	}
	b.timer.Reset(limit)
	defer b.timer.Stop()
	select {
	case <-b.ch:
	case <-b.timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// A crowd is the callers that wait for a grace period which somebody else leads.
type crowd struct {
	size atomic.Int32 // entries in list; read by leaders without mu
	mu   sync.Mutex
	list []*follower
	idle []*follower // for reuse
}

type follower struct {
	tag uint64
	ch  chan struct{}
}

// join adds a follower for tag t.
func (c *crowd) join(t uint64) *follower {
	c.mu.Lock()
	defer c.mu.Unlock()
	var f *follower
	if n := len(c.idle); n > 0 {
		f, c.idle = c.idle[n-1], c.idle[:n-1]
	} else {
		f = &follower{ch: make(chan struct{}, 1)}
	}
	f.tag = t
	c.list = append(c.list, f)
	c.size.Add(1)
	return f
}

// leave removes f, woken or not.
func (c *crowd) leave(f *follower) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(func(x *follower) bool { return x == f })
	select {
	case <-f.ch:
	default:
	}
	c.idle = append(c.idle, f)
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

// wake ends the wait of all whose tag is done, and of one more, who may lead.
// Leaders call it after they have let go of the lead.
func (c *crowd) wake(done uint64) {
	if c.size.Load() == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	heir := false
	c.remove(func(f *follower) bool {
		if !reached(done, f.tag) {
			if heir {
				return false
			}
			heir = true
		}
		f.ch <- struct{}{} // has room: a follower is woken once per join
		return true
	})
}
