// Lock: a lock in a word, for objects off the Go heap. One of the building
// blocks of blocks.go.

package kmem

import (
	"fmt"
	"sync/atomic"
)

// Lock is a mutual exclusion lock of four bytes without a Go pointer, for
// objects whose memory the collector does not see. The zero value is unlocked;
// in a cache the constructor sets it and nobody after it.
//
// A waiter spins for a fraction of a microsecond, yields, then sleeps in steps
// of up to a millisecond; it never spins for long, because the holder can be
// preempted. There is no queue and no fairness: it is meant for sections of a
// few dozen instructions. Inside a read-side section Lock may be called, and
// grace periods then wait for as long as it does. A Lock must not be copied.
//
// Unlike sync.Mutex, whose violation ends the process, a Lock whose word holds
// what no Lock writes panics: somebody else's data is in its memory.
type Lock struct {
	word atomic.Uint32
}

const (
	unlocked = 0
	locked   = 1
)

// TryLock takes the lock if it is free and reports whether it did.
func (l *Lock) TryLock() bool { return l.word.CompareAndSwap(unlocked, locked) }

// Lock takes the lock. It blocks while another holds it, and forever when the
// caller does. It panics when the lock's word was overwritten.
func (l *Lock) Lock() {
	if !l.word.CompareAndSwap(unlocked, locked) {
		l.lockSlow()
	}
}

func (l *Lock) lockSlow() {
	var b backoff
	for {
		switch w := l.word.Load(); w {
		case unlocked:
			if l.TryLock() {
				return
			}
		case locked:
		default:
			l.overwritten("Lock", w)
		}
		b.wait()
	}
}

// Unlock releases the lock, from whichever goroutine. It panics when the lock is
// not held.
func (l *Lock) Unlock() {
	if w := l.word.Swap(unlocked); w != locked {
		l.badUnlock(w)
	}
}

// Held reports whether somebody holds the lock: for assertions.
func (l *Lock) Held() bool { return l.word.Load() == locked }

func (l *Lock) badUnlock(w uint32) {
	if w != unlocked {
		l.overwritten("Unlock", w)
	}
	panic(fmt.Sprintf("kmem: Unlock of lock %p: it is not locked", l))
}

func (l *Lock) overwritten(op string, w uint32) {
	panic(fmt.Sprintf("kmem: %s of lock %p: its word is %#x, legal are 0 and 1: the memory was overwritten, or never was an object with a lock", op, l, w))
}
