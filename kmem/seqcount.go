// SeqCount: a sequence that tells readers that something changed under them. One
// of the building blocks of blocks.go.

package kmem

import (
	"fmt"
	"sync/atomic"
)

// SeqCount lets readers notice that a writer was at work while they read. It is
// even while nobody writes and odd while somebody does, and never comes back to
// a value: 64 bits do not wrap. The zero value is ready; in a cache the
// constructor sets it once, and it goes on counting over all the lives of an
// object, so that a change of identity is a change of the sequence.
//
// What it guards must be atomic words: readers and writer touch them at the same
// time. Writers exclude one another by a lock of their own. A SeqCount must not
// be copied.
type SeqCount struct {
	word atomic.Uint64
}

// WriteBegin starts a change; until WriteEnd no reader succeeds. It panics when
// a change is under way already: writers need a lock.
func (s *SeqCount) WriteBegin() {
	if s.word.Add(1)&1 == 0 {
		s.bad("WriteBegin", "another writer is inside")
	}
}

// WriteEnd ends a change. It panics when none is under way.
func (s *SeqCount) WriteEnd() {
	if s.word.Add(1)&1 != 0 {
		s.bad("WriteEnd", "no writer is inside")
	}
}

// TryRead starts reading and returns the sequence for ReadRetry, and whether
// nobody is writing. It never blocks. When it reports false, leave the read-side
// section before trying again.
func (s *SeqCount) TryRead() (seq uint64, ok bool) {
	seq = s.word.Load()
	return seq, seq&1 == 0
}

// ReadBegin is TryRead that waits for the writer. It blocks, so inside a
// read-side section it holds up grace periods.
func (s *SeqCount) ReadBegin() (seq uint64) {
	seq = s.word.Load()
	if seq&1 != 0 {
		seq = s.readSlow()
	}
	return seq
}

func (s *SeqCount) readSlow() uint64 {
	var b backoff
	for {
		b.wait()
		if seq, ok := s.TryRead(); ok {
			return seq
		}
	}
}

// ReadRetry reports whether what was read since seq was returned may be a mix of
// old and new, so that it must be thrown away and read again.
func (s *SeqCount) ReadRetry(seq uint64) bool { return s.word.Load() != seq }

// bad takes back what op did to the sequence and panics.
//
//go:noinline
func (s *SeqCount) bad(op, why string) {
	n := s.word.Add(^uint64(0))
	panic(fmt.Sprintf("kmem: %s of sequence %p: it is %d, legal is even at WriteBegin and odd at WriteEnd: %s", op, s, n, why))
}
