// The building blocks one by one: what they exclude, and what they panic over.

package kmem

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// wantPanic runs f and checks that it panics with a text that says so.
func wantPanic(t *testing.T, says string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), says) {
			t.Errorf("panicked with %v, want %q", r, says)
		}
	}()
	f()
}

// TestLock: what is guarded is never torn, on more goroutines than processors,
// some of which are preempted inside.
func TestLock(t *testing.T) {
	const lockers, each = 8, 2000
	var l Lock
	var a, b int // guarded by l
	var wg sync.WaitGroup
	for range lockers {
		wg.Go(func() {
			for i := range each {
				l.Lock()
				a++
				if i%100 == 0 {
					runtime.Gosched()
				}
				b++
				if a != b {
					t.Errorf("torn under the lock: %d and %d", a, b)
				}
				l.Unlock()
			}
		})
	}
	wg.Wait()
	if a != lockers*each || l.Held() {
		t.Errorf("%d turns, want %d; held %v", a, lockers*each, l.Held())
	}
}

// TestLockHolderAsleep: waiters get past a holder that sleeps with the lock.
func TestLockHolderAsleep(t *testing.T) {
	var l Lock
	l.Lock()
	if l.TryLock() {
		t.Fatal("TryLock took a held lock")
	}
	var turns int // guarded by l
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			l.Lock()
			turns++
			l.Unlock()
		})
	}
	time.Sleep(10 * time.Millisecond)
	if turns != 0 {
		t.Errorf("%d waiters passed a held lock", turns)
	}
	l.Unlock()
	wg.Wait()
	if turns != 4 {
		t.Errorf("%d of 4 waiters had their turn", turns)
	}
	if !l.TryLock() || !l.Held() {
		t.Error("TryLock did not take a free lock")
	}
	l.Unlock()
}

func TestLockMisuse(t *testing.T) {
	var l Lock
	wantPanic(t, "it is not locked", l.Unlock)
	l.word.Store(0xdead)
	wantPanic(t, "its word is 0xdead", l.Lock)
	wantPanic(t, "its word is 0xdead", l.Unlock)
}

// TestRefCount: takes fail from 0 on, and exactly one Put is the last.
func TestRefCount(t *testing.T) {
	var r RefCount
	if r.TryGet() {
		t.Error("a reference to a free object")
	}
	r.Init()
	r.Get()
	if !r.TryGet() || r.Count() != 3 {
		t.Errorf("count %d, want 3", r.Count())
	}
	if first, second, third := r.Put(), r.Put(), r.Put(); first || second || !third {
		t.Error("the third Put of three is the last, and no other")
	}
	if r.TryGet() {
		t.Error("a reference after the last Put")
	}

	const rounds = 2000
	var last atomic.Int64
	for range rounds {
		r.Init()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if r.TryGet() && r.Put() {
					last.Add(1)
				}
			})
		}
		if r.Put() {
			last.Add(1)
		}
		wg.Wait()
	}
	if last.Load() != rounds {
		t.Errorf("%d last Puts in %d lives", last.Load(), rounds)
	}
}

func TestRefCountMisuse(t *testing.T) {
	var r RefCount
	wantPanic(t, "Put of reference count", func() { r.Put() })
	wantPanic(t, "Get of reference count", r.Get)
	if r.Count() != 0 {
		t.Errorf("misuse left the count at %d", r.Count())
	}
	r.Init()
	wantPanic(t, "Init of reference count", r.Init)
	r.word.Store(maxRefs)
	wantPanic(t, "it is 2147483647", r.Get)
	wantPanic(t, "it is 2147483647", func() { r.TryGet() })
	if r.Count() != maxRefs || r.Put() {
		t.Errorf("misuse left the count at %d", r.Count())
	}
	r.word.Store(1 << 31)
	wantPanic(t, "it is 2147483648", func() { r.Put() })
}

// TestSeqCount: a pair that one writer changes is never seen as a mix.
func TestSeqCount(t *testing.T) {
	var s SeqCount
	var a, b atomic.Uint64
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := uint64(1); !stop.Load(); i++ {
			s.WriteBegin()
			a.Store(i)
			if i%64 == 0 {
				runtime.Gosched()
			}
			b.Store(i * i)
			s.WriteEnd()
		}
	})
	for range 20000 {
		seq := s.ReadBegin()
		x, y := a.Load(), b.Load()
		if !s.ReadRetry(seq) && y != x*x {
			t.Errorf("read a mix: %d and %d", x, y)
			break
		}
	}
	stop.Store(true)
	wg.Wait()
}

func TestSeqCountSteps(t *testing.T) {
	var s SeqCount
	seq, ok := s.TryRead()
	if !ok || s.ReadRetry(seq) {
		t.Error("nobody writes, and the read failed")
	}
	s.WriteBegin()
	if _, ok := s.TryRead(); ok || !s.ReadRetry(seq) {
		t.Error("a read succeeded beside a writer")
	}
	wantPanic(t, "another writer is inside", s.WriteBegin)
	s.WriteEnd()
	wantPanic(t, "no writer is inside", s.WriteEnd)
	if !s.ReadRetry(seq) {
		t.Error("a read that began before a change succeeded after it")
	}
	// ReadBegin waits for the writer.
	s.WriteBegin()
	var wg sync.WaitGroup
	wg.Go(func() {
		if seq := s.ReadBegin(); seq&1 != 0 {
			t.Errorf("ReadBegin returned %d, of a writer inside", seq)
		}
	})
	time.Sleep(5 * time.Millisecond)
	s.WriteEnd()
	wg.Wait()
}

func BenchmarkBlocks(b *testing.B) {
	b.Run("Lock", func(b *testing.B) {
		var l Lock
		turns := 0
		for range b.N {
			l.Lock()
			turns++
			l.Unlock()
		}
	})
	b.Run("RefCount", func(b *testing.B) {
		var r RefCount
		r.Init()
		for range b.N {
			if r.TryGet() {
				r.Put()
			}
		}
	})
	b.Run("SeqCount", func(b *testing.B) {
		var s SeqCount
		n := 0
		for range b.N {
			if seq := s.ReadBegin(); s.ReadRetry(seq) {
				n++
			}
		}
		if n != 0 {
			b.Fatal("retries without a writer")
		}
	})
	b.Run("SeqCountWrite", func(b *testing.B) {
		var s SeqCount
		for range b.N {
			s.WriteBegin()
			s.WriteEnd()
		}
	})
}
