// Queues: one per slot, in three segments. See doc.go, "Callbacks".

package urcu

import (
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

// A list is a chain of heads.
type list struct {
	first, last *Head
}

func (l *list) empty() bool { return l.first == nil }

func (l *list) push(h *Head) {
	if l.first == nil {
		l.first = h
	} else {
		l.last.setNext(h)
	}
	l.last = h
}

// take appends all of m and empties it.
func (l *list) take(m *list) {
	switch {
	case m.first == nil:
		return
	case l.first == nil:
		l.first = m.first
	default:
		l.last.setNext(m.first)
	}
	l.last = m.last
	*m = list{}
}

func (l *list) pop() *Head {
	h := l.first
	if h != nil {
		l.first = h.next()
	}
	return h
}

// A queue holds the callbacks of one slot in the order of their Calls. Whoever
// holds its token may do with it what he likes; tokens are tried, never waited
// for, save by Barrier and Close, which may block.
//
// The first cache line is what a Call touches.
type queue struct {
	token uint32 // 1: held
	due   uint32 // token: Calls until the next tend
	next  list   // token: have no tag yet

	// Written under token, read by anyone. The difference is how many are here.
	queued uint64 // Calls so far
	ran    uint64 // callbacks finished so far

	armed bool // token: the backstop looks after this queue; only it clears this
	index int  // constant: slot number

	// Guarded by token: the rest of the way.
	tag        uint64        // of waiting
	waiting    list          // wait for tag
	done       list          // may run
	lastTend   time.Duration // clock and queued at the last tend in a Call
	lastQueued uint64

	// Written under token, read by anyone.
	tended  uint64 // tends so far: tells the backstop that the owner drives
	peak    uint64 // most callbacks seen here
	running uint32 // 1: a slice of callbacks is being run
	runner  uint64 // invariant builds: by which goroutine

	_ [2*smp.LinePad - 18*8]byte
}

func (q *queue) try() bool { return atomic.SwapUint32(&q.token, 1) == 0 }

// release gives the token back. Pairs with try of the next holder.
// amd64: a plain store. arm64: STLR.
func (q *queue) release() { releaseStore32(&q.token, 0) }

// len is how many callbacks have been queued and have not finished. It is exact
// for the token's holder; others see at least all Calls that happened before.
func (q *queue) len() uint64 {
	ran := atomic.LoadUint64(&q.ran)
	return atomic.LoadUint64(&q.queued) - ran
}
