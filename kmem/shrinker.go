// Shrinkers: what users free when a heap is at its limit. See pressure.go for
// when they are asked.

package kmem

import (
	"bytes"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// shrinkers is the list of a heap. Its lock is not held while one runs.
type shrinkers struct {
	mu   sync.Mutex                  // guards changes
	list atomic.Pointer[[]*shrinker] // read without mu
}

// shrinker is one function that was registered.
type shrinker struct {
	fn func(want uintptr) (freed uintptr)

	mu sync.Mutex    // held while fn runs
	by atomic.Uint64 // the goroutine that runs it; 0 is none
}

// RegisterShrinker has fn called when an allocation finds the heap at its limit
// and the caches have nothing left to give: the last chance before [ErrNoMemory].
// fn is told how many bytes are wanted, frees objects of the heap that its owner
// can do without, as with [Cache.Free], and returns about how many bytes that
// were; 0 says that there is nothing to free. It is called again for as long as
// somebody frees and it does not suffice.
//
// fn runs on the goroutine that allocates, with no lock of this package held,
// one call at a time. It may allocate and free on the same heap; an allocation
// that reaches the limit inside of it does not call it again, and does not wait for
// another one that is running. It must not wait
// for a grace period, nor for a lock that some caller of Alloc may hold: that
// caller may be the one that it works for, and may be inside a read-side section.
// Objects of caches with [DestroyByRCU] help at once where they are of the kind
// that is wanted; their pages help others only a grace period later.
//
// cancel takes fn off; when it returns fn is not running and will not be called
// again. fn may call its own cancel, which then does not wait.
//
// Any goroutine may call RegisterShrinker and cancel. It panics when fn is nil.
func (h *Heap) RegisterShrinker(fn func(want uintptr) (freed uintptr)) (cancel func()) {
	if fn == nil {
		panic("kmem: RegisterShrinker: the function must not be nil")
	}
	s := &shrinker{fn: fn}
	h.shrinkers.change(func(list []*shrinker) []*shrinker { return append(list, s) })
	return func() {
		h.shrinkers.change(func(list []*shrinker) []*shrinker {
			return slices.DeleteFunc(list, func(o *shrinker) bool { return o == s })
		})
		if s.by.Load() != goroutineID() {
			s.mu.Lock() // wait for a call under way
			defer s.mu.Unlock()
		}
	}
}

func (l *shrinkers) change(f func([]*shrinker) []*shrinker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*shrinker
	if p := l.list.Load(); p != nil {
		list = slices.Clone(*p)
	}
	list = f(list)
	l.list.Store(&list)
}

// has reports whether s is registered still.
func (l *shrinkers) has(s *shrinker) bool { return slices.Contains(*l.list.Load(), s) }

// shrink asks the shrinkers in the order of their registration, until they have
// freed what is wanted, and returns how much they say it was. Those that the
// caller is inside of are left out.
func (h *Heap) shrink(want uintptr) (freed uintptr) {
	if h.parent != nil { // they are registered there
		return h.parent.shrink(want)
	}
	list := h.shrinkers.list.Load()
	if list == nil || len(*list) == 0 {
		return 0
	}
	me := goroutineID()
	inside := slices.ContainsFunc(*list, func(s *shrinker) bool { return s.by.Load() == me })
	for _, s := range *list {
		if freed < want && s.by.Load() != me {
			freed += h.shrinkers.call(s, me, inside, want-freed)
		}
	}
	return freed
}

// call runs one shrinker. When somebody else does it waits, and takes that for
// its own: there may be memory now. Who is inside of another one does not wait: that
// somebody may be waiting for the caller.
func (l *shrinkers) call(s *shrinker, me uint64, inside bool, want uintptr) uintptr {
	waited := !s.mu.TryLock()
	if waited && inside {
		return 0
	}
	if waited {
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	switch {
	case waited:
		return 1
	case !l.has(s):
		return 0
	}
	s.by.Store(me)
	defer s.by.Store(0)
	return s.fn(want)
}

// goroutineID is the number that stack traces show: about a microsecond, where
// memory is short anyway.
func goroutineID() uint64 {
	var buf [64]byte
	b := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	b, _, _ = bytes.Cut(b, []byte(" "))
	id, _ := strconv.ParseUint(string(b), 10, 64)
	return id
}
