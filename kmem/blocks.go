// Building blocks for objects that readers approach obliquely, and the protocol
// by which they do. Beside the walk of doc.go: the allocator needs none of it.
//
// # Validation
//
// In a cache with [DestroyByRCU] an object may be freed and handed out again
// while a reader looks at it. The reader's section keeps only this: the memory
// stays an object of that type. Whether it is still the object that was meant,
// the reader must find out, always in this order:
//
//  1. Enter a section.
//  2. Load the address, and compare what tells the object apart, its identity,
//     if that is cheap; words that others may write are atomic.
//  3. Take hold of the object: Lock.Lock, RefCount.TryGet, or SeqCount.TryRead.
//     A reference that cannot be had means that the object is free: not found.
//  4. Compare the identity again, or load the address again and compare that.
//     Only what is seen now counts: before the hold the object could change,
//     after it it cannot, or, with a sequence, the change will be noticed.
//     Another identity: let go, leave the section, and only then start over.
//  5. Use the object, and let go of it: unlock, or, with a sequence, ask
//     ReadRetry before anything that was read is believed. A reference may be
//     kept beyond the section; a lock and a sequence may not.
//  6. Leave the section. A retry that stays inside holds up every grace period.
//
// The owner's side, which makes this work:
//
//   - The constructor alone sets up the lock, the count, the sequence. It runs
//     when a slab is made, on memory that holds anything. Nobody may set them up
//     again at allocation: a stale reader may be inside the lock of an object
//     that was handed out just now. For the same reason the new owner takes the
//     lock to fill an object in, though nobody has been told of it yet.
//   - Freeing changes the identity first, under the lock or between WriteBegin
//     and WriteEnd, so that step 4 fails. The count is 0 while an object is free;
//     RefCount.Init comes last when it is filled in, after the identity.
//   - An object is never zeroed as a whole: links that readers follow must stay
//     valid.
//   - Whoever lets go of the last reference frees, also a reader that came by
//     mistake and found the wrong identity in step 4.
//
// It is not a function here because it would cost more than the hold: identity
// and hold would be calls through function values or a generic dictionary.

package kmem

import (
	"runtime"
	"time"
)

// backoff waits for what another goroutine is about to do, in growing steps.
// That goroutine may have been preempted, so nobody spins for long: on a machine
// with fewer processors than spinners it would never run.
type backoff struct {
	round uint32
}

const (
	spinRounds  = 6  // of 8 to 256 empty turns, about 0.2 µs in all
	yieldRounds = 16 // each lets other goroutines run
	firstSleep  = 10 * time.Microsecond
	maxSleep    = time.Millisecond
)

// wait waits for a step longer than the one before, up to maxSleep.
func (b *backoff) wait() {
	r := b.round
	b.round++
	switch {
	case r < spinRounds:
		for range 8 << r {
		}
	case r < spinRounds+yieldRounds:
		runtime.Gosched()
	default:
		r -= spinRounds + yieldRounds
		time.Sleep(min(firstSleep<<min(r, 16), maxSleep))
	}
}
