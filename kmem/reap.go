// The reaper: one goroutine per heap that gives back what nobody uses. Beside
// the walk of doc.go: it takes what lies between stops 2 and 8 and hands slabs
// to stop 9. What it does to one cache is in reapcache.go.
//
// # When it runs
//
// Whoever leaves something in a cache that could be taken back stirs the cache, and
// whoever frees pages the page allocator: a mark that is set is left alone, and the first to set one starts
// the reaper. It looks at what was stirred, in intervals, until it finds nothing
// left to take, and ends: an idle heap has no goroutine. The order that loses no
// start, with every mark guarded by the lock of what it is about:
//
//	who stirs                         reaper
//	set the mark, under the lock      state = absent
//	load state: absent? start it      look at all marks, under their locks
//
// Either the reaper sees the mark, or its look came first, and then so did its
// store to state.

package kmem

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// ReapOptions are the intervals of a heap's reaper. The zero value has the
// defaults, with which a heap has given back nearly all pages within a second
// of the last free.
type ReapOptions struct {
	// Off leaves reaping to Shrink, Destroy, and the heap's limit. Then a cache
	// keeps the number of slots that it was made with, whatever becomes of
	// GOMAXPROCS.
	Off bool
	// Arrays is the time between two looks at array caches. One that was not
	// refilled in between loses a fifth of its limit. 0 is 40 ms; 2.6.9 had 2 s.
	Arrays time.Duration
	// Slabs is the time between two looks at shared arrays and free slabs. Those
	// that nobody needed in between go. 0 is 80 ms; 2.6.9 had 4 s.
	Slabs time.Duration
	// Pages is how long free pages stay resident at least, and half of how long
	// at most, before they go back to the system. 0 is 100 ms.
	Pages time.Duration
}

const (
	reapArraysDefault = 40 * time.Millisecond
	reapSlabsDefault  = 80 * time.Millisecond
	reapPagesDefault  = 100 * time.Millisecond
)

// filled returns o with defaults for what is 0, or says what is wrong with it.
func (o ReapOptions) filled() (ReapOptions, error) {
	for _, f := range []struct {
		name string
		d    *time.Duration
		def  time.Duration
	}{
		{"Arrays", &o.Arrays, reapArraysDefault},
		{"Slabs", &o.Slabs, reapSlabsDefault},
		{"Pages", &o.Pages, reapPagesDefault},
	} {
		if *f.d < 0 {
			return o, fmt.Errorf("the interval Reap.%s is %v, legal are 0 for %v and above", f.name, *f.d, f.def)
		}
		if *f.d == 0 {
			*f.d = f.def
		}
	}
	return o, nil
}

// reaper is the goroutine of a heap and what wakes it.
type reaper struct {
	h    *Heap         // constant
	o    ReapOptions   // constant
	stop chan struct{} // constant, closed at the end

	state  atomic.Uint32 // of the goroutine
	passes atomic.Uint64 // looks, ever

	// mu guards the goroutine's beginning and end. Nothing is locked under it.
	mu   sync.Mutex
	gone sync.WaitGroup

	// Owned by the goroutine.
	slabs time.Time // when to look at slabs next
	pages time.Time // when to look at pages next
	procs int       // GOMAXPROCS when slots were last fitted to it
}

// States of a reaper.
const (
	reaperAbsent = iota // nothing to do
	reaperAtWork
	reaperEnded // never to start again
)

func (r *reaper) init(h *Heap, o ReapOptions) {
	r.h, r.o = h, o
	r.stop = make(chan struct{})
	r.procs = runtime.GOMAXPROCS(0)
	if o.Off {
		r.state.Store(reaperEnded)
	}
}

// rouse starts the reaper unless it is at work: one load if it is. It never
// blocks for long, and may be called with locks held.
func (r *reaper) rouse() {
	if r.state.Load() == reaperAbsent {
		r.begin()
	}
}

func (r *reaper) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state.CompareAndSwap(reaperAbsent, reaperAtWork) {
		r.gone.Go(r.run)
	}
}

// end stops the goroutine, for good, and waits for it.
func (r *reaper) end() {
	r.mu.Lock()
	if r.state.Swap(reaperEnded) != reaperEnded {
		close(r.stop)
	}
	r.mu.Unlock()
	r.gone.Wait()
}

func (r *reaper) run() {
	pprof.Do(context.Background(), pprof.Labels("kmem", "reaper", "heap", r.h.name), func(context.Context) {
		timer := time.NewTimer(r.o.Arrays)
		defer timer.Stop()
		now := time.Now()
		r.slabs, r.pages = now.Add(r.o.Slabs), now.Add(r.o.Pages)
		for {
			select {
			case now = <-timer.C:
			case <-r.stop:
				return
			}
			if !r.pass(now) && r.leave() {
				return
			}
			timer.Reset(r.o.Arrays)
		}
	})
}

// leave reports whether the goroutine may end: nobody has stirred anything, or
// whoever did has started the next one, or will.
func (r *reaper) leave() bool {
	if !r.state.CompareAndSwap(reaperAtWork, reaperAbsent) {
		return true
	}
	return !r.h.stirred() || !r.state.CompareAndSwap(reaperAbsent, reaperAtWork)
}

// pass looks once at all that was stirred and reports whether anything is left
// to look at again.
func (r *reaper) pass(now time.Time) (left bool) {
	r.passes.Add(1)
	slabs, pages := !now.Before(r.slabs), !now.Before(r.pages)
	r.fit()
	for _, c := range r.h.list() {
		if c.flags&NoReap == 0 && c.reap(slabs) {
			left = true
		}
	}
	r.h.domain.Drive() // for the slabs that went into limbo
	if slabs {
		r.slabs = now.Add(r.o.Slabs)
	}
	if !pages {
		return left || r.h.buddy.hasDirty()
	}
	r.pages = now.Add(r.o.Pages)
	return r.h.buddy.trimIdle() || left
}

// fit makes slots for processors that came since the last look.
func (r *reaper) fit() {
	n := runtime.GOMAXPROCS(0)
	if n <= r.procs {
		return
	}
	r.procs = n
	for _, c := range r.h.list() {
		c.growSlots()
	}
}

// stirred reports whether the reaper has anything to look at.
func (h *Heap) stirred() bool {
	for _, c := range h.list() {
		if c.flags&NoReap == 0 && c.isStirred() {
			return true
		}
	}
	return h.buddy.hasDirty()
}
