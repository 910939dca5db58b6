package kmem

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mutant"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

var tortureTime = flag.Duration("kmem.torture", 300*time.Millisecond, "how long each torture test runs")

// tortureFor is how long a torture test runs: longer in a mutant's process,
// which ends with the first failure.
func tortureFor() time.Duration {
	if os.Getenv(mutant.Env) != "" {
		return 10 * time.Second
	}
	return *tortureTime
}

// rest waits for the torture to be over: its time has passed and all that shall
// happen did, which takes longer on a machine that is busy with other things.
func rest(stop *atomic.Bool, happened func() bool) {
	start := time.Now()
	for end := start.Add(tortureFor()); !stop.Load() && (time.Now().Before(end) || !happened() && time.Since(start) < time.Minute); {
		time.Sleep(time.Millisecond)
	}
}

// tortured is what the torture of slabs allocates.
type tortured struct {
	mark  uint64        // by the constructor, never changed
	owner atomic.Uint64 // who has the object; 0 while it is free
	sum   uint64        // of owner and address, while it is owned
}

const tortureMark = 0x746f7274757265

func constructTortured(p Pointer) {
	o := (*tortured)(p)
	o.mark = tortureMark
	o.owner.Store(0)
}

// torturer is one party: it holds live objects and swaps some with others.
type torturer struct {
	id      uint64
	alloc   func() Pointer
	free    func(Pointer)
	rand    *rand.Rand
	live    []Pointer
	passed  chan Pointer // objects handed from party to party
	failure func(format string, args ...any)
	allocs  atomic.Uint64
	frees   atomic.Uint64
	refused atomic.Uint64
}

// get allocates and checks the oracle: nobody owns the object, and it is in
// constructed state.
func (w *torturer) get() {
	p := w.alloc()
	if p == nil {
		w.refused.Add(1)
		return
	}
	o := (*tortured)(p)
	if o.mark != tortureMark {
		w.failure("%p was handed out with mark %#x", p, o.mark)
	}
	if !o.owner.CompareAndSwap(0, w.id) {
		w.failure("%p was handed out twice: to %d and %d", p, o.owner.Load(), w.id)
	}
	o.sum = w.id ^ uint64(uintptr(p))
	w.allocs.Add(1)
	w.live = append(w.live, p)
}

// put checks that the object is as its owner left it, and frees it.
func (w *torturer) put(p Pointer) {
	o := (*tortured)(p)
	owner := o.owner.Load()
	if o.mark != tortureMark || owner == 0 || o.sum != owner^uint64(uintptr(p)) {
		w.failure("%p changed in its owner's hands: mark %#x owner %d sum %#x", p, o.mark, owner, o.sum)
	}
	o.owner.Store(0)
	w.frees.Add(1)
	w.free(p)
}

func (w *torturer) step() {
	n := len(w.live)
	switch r := w.rand.IntN(100); {
	case r < 45 && n < 3000:
		w.get()
	case r < 80 && n > 0:
		i := w.rand.IntN(n)
		p := w.live[i]
		w.live[i] = w.live[n-1]
		w.live = w.live[:n-1]
		w.put(p)
	case r < 90 && n > 0:
		select {
		case w.passed <- w.live[n-1]:
			w.live = w.live[:n-1]
		default:
		}
	case r < 99:
		select {
		case p := <-w.passed:
			w.put(p)
		default:
		}
	case w.rand.IntN(16) == 0: // slabs become empty
		w.drop()
	default: // a burst, for refills and flushes
		for range w.rand.IntN(500) {
			w.get()
		}
		for len(w.live) > 1000 {
			w.put(w.live[len(w.live)-1])
			w.live = w.live[:len(w.live)-1]
		}
	}
}

func (w *torturer) drop() {
	for _, p := range w.live {
		w.put(p)
	}
	w.live = w.live[:0]
}

// die ends the process over a panic on an emulated CPU. smp.Run would wait for the
// others before it tells, and they for the lock that was held.
func die() {
	if v := recover(); v != nil {
		fmt.Fprintf(os.Stderr, "panic on an emulated CPU: %v\n\n%s", v, debug.Stack())
		os.Exit(2)
	}
}

// TestSlabTorture. Oracle: an object has one owner at a time, is in constructed
// state when it is handed out, and is as its owner left it when it comes back;
// in the end every object and every page is home.
//
// Emulated CPUs and plain goroutines allocate, free, and free for each other,
// while others reap, shrink, make and destroy caches, and the heap runs into its
// limit.
func TestSlabTorture(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		// ReclaimAccount holds slabs to a page: more of them are made and destroyed.
		for _, flags := range []Flags{0, DestroyByRCU, DestroyByRCU | ReclaimAccount} {
			t.Run("flags="+flags.String(), func(t *testing.T) { tortureSlabs(t, HeapOptions{Layout: layout}, flags, (*Cache).Shrink) })
		}
		t.Run("tokens", func(t *testing.T) {
			tortureSlabs(t, HeapOptions{Layout: layout, NoLeases: true}, DestroyByRCU, (*Cache).Shrink)
		})
	})
}

// tortureSlabs runs the torture on a heap with the options, and disturb beside it.
func tortureSlabs(t *testing.T, o HeapOptions, flags Flags, disturb func(*Cache) int) {
	o.Name, o.Limit = "torture", 3<<19
	o.Reap = ReapOptions{Arrays: time.Millisecond, Slabs: time.Millisecond, Pages: time.Millisecond}
	h := newTestHeap(t, o)
	c := newTestCache(t, h, "tortured", 200, CacheOptions{Flags: flags, Ctor: constructTortured})
	passed := make(chan Pointer, 256)
	var stop atomic.Bool
	var workers []*torturer
	newWorker := func(id int) *torturer {
		w := &torturer{id: uint64(id), alloc: c.Alloc, free: c.Free, passed: passed, failure: func(f string, a ...any) {
			stop.Store(true)
			t.Errorf(f, a...)
		}, rand: rand.New(rand.NewPCG(uint64(id), 7))}
		workers = append(workers, w)
		return w
	}
	run := func(w *torturer) {
		for !stop.Load() {
			w.step()
		}
		w.drop()
	}
	var wg sync.WaitGroup
	for id := 1; id <= 3; id++ {
		w := newWorker(id)
		wg.Go(func() { run(w) })
	}
	const cpus = 3 // more than the machine may have: owners get preempted
	cpuWorkers := []*torturer{newWorker(101), newWorker(102), newWorker(103)}
	wg.Go(func() {
		smp.Run(cpus, func(cpu *smp.CPU) {
			defer die()
			w, l := cpuWorkers[cpu.ID()], c.On(cpu)
			w.alloc, w.free = l.Alloc, l.Free
			run(w)
		})
	})
	var shrinks, lives atomic.Int64
	wg.Go(func() {
		for !stop.Load() {
			disturb(c)
			shrinks.Add(1)
			time.Sleep(time.Millisecond)
		}
	})
	wg.Go(func() {
		for !stop.Load() {
			lives.Add(oneLife(t, h, flags))
		}
	})
	rest(&stop, func() bool { return shrinks.Load() > 0 && lives.Load() > 0 && c.Stats().Grown > 0 })
	stop.Store(true)
	wg.Wait()
	drain := newWorker(999)
	for len(passed) > 0 {
		drain.put(<-passed)
	}
	disturb(c) // at the limit every slab may have had an object out all the time, until now
	var allocs, frees, refused uint64
	for _, w := range workers {
		allocs, frees, refused = allocs+w.allocs.Load(), frees+w.frees.Load(), refused+w.refused.Load()
	}
	s := c.Stats()
	t.Logf("%d allocations, %d frees, %d refused at the limit; slabs: %d made, %d destroyed; %d shrinks; %d caches made and destroyed; lock: %d trips, %d contended; limbo peak %d B",
		allocs, frees, refused, s.Grown, s.Destroyed, shrinks.Load(), lives.Load(), s.LockTrips, s.Contended, h.Stats().LimboPeak)
	if allocs != frees {
		t.Errorf("%d allocations, %d frees", allocs, frees)
	}
	if allocs == 0 || s.Destroyed == 0 || shrinks.Load() == 0 || lives.Load() == 0 {
		t.Errorf("the torture did not torture: see the counts")
	}
}

// oneLife makes a cache, uses it a little and destroys it, and returns 1.
func oneLife(t *testing.T, h *Heap, flags Flags) int64 {
	c, err := h.NewCache("short", 48, CacheOptions{Flags: flags})
	if err != nil {
		t.Errorf("NewCache: %v", err)
		return 0
	}
	var live []Pointer
	for range 200 {
		if p := c.Alloc(); p != nil {
			live = append(live, p)
		}
	}
	for _, p := range live {
		c.Free(p)
	}
	if err := c.Destroy(); err != nil {
		t.Errorf("Destroy: %v", err)
	}
	return 1
}

// TestDrainTorture. Oracle: as TestSlabTorture's.
//
// Emulated CPUs miss their hot slots at every call while others drain without a
// pause: the two sides of drain.go meet as often as they can.
func TestDrainTorture(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Name: "drain"})
	c := newTestCache(t, h, "drained", 128, CacheOptions{Ctor: constructTortured})
	var stop atomic.Bool
	var drains atomic.Uint64
	var wg sync.WaitGroup
	var workers [2]torturer
	tortured := func() bool {
		return workers[0].allocs.Load() > 0 && workers[1].allocs.Load() > 0 && drains.Load() > 0
	}
	wg.Go(func() {
		for !stop.Load() {
			v := c.drain("Drain")
			c.destroySlabs(v)
			drains.Add(1)
		}
	})
	wg.Go(func() {
		rest(&stop, tortured)
		stop.Store(true)
	})
	smp.Run(2, func(cpu *smp.CPU) {
		defer die()
		l := c.On(cpu)
		w := &workers[cpu.ID()]
		w.id, w.alloc, w.free = uint64(cpu.ID())+1, l.Alloc, l.Free
		w.failure = func(f string, a ...any) {
			stop.Store(true)
			t.Errorf(f, a...)
		}
		for n := 0; !stop.Load(); n++ {
			for range 2 + n%7 {
				w.get()
			}
			w.drop()
		}
	})
	wg.Wait()
	allocs := workers[0].allocs.Load() + workers[1].allocs.Load()
	frees := workers[0].frees.Load() + workers[1].frees.Load()
	t.Logf("%d allocations, %d frees, %d drains", allocs, frees, drains.Load())
	if allocs != frees || !t.Failed() && !tortured() {
		t.Errorf("%d allocations, %d frees, %d drains", allocs, frees, drains.Load())
	}
}

// typed is what the torture of type stability publishes.
type typed struct {
	mark atomic.Uint64 // by the constructor, never changed
	lock Lock
	key  atomic.Uint64 // the object's identity; 0 while it is free
	hits uint64        // guarded by lock
}

const typedMark = 0x7374617469633a31

// TestTypeStability. Oracle: inside a section an address once seen carries its
// cache's mark, whatever object it is by then; and objects of other caches on
// the heap are never written by readers.
//
// Readers take the lock of objects found by a stale address while a churner
// frees them and shrinks the cache, and another cache takes over the pages.
func TestTypeStability(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Name: "types", Layout: layout})
		c := newTestCache(t, h, "typed", 64, CacheOptions{Flags: DestroyByRCU, Ctor: func(p Pointer) {
			o := (*typed)(p)
			o.mark.Store(typedMark)
			o.lock = Lock{}
			o.key.Store(0)
		}})
		foreign := newTestCache(t, h, "foreign", 128, CacheOptions{})
		var table [64]atomic.Pointer[typed]
		var stop atomic.Bool
		var wg sync.WaitGroup
		var sections, stale atomic.Uint64
		for id := range 3 {
			wg.Go(func() { readTyped(t, h.Domain(), &table, &stop, &sections, &stale, uint64(id)) })
		}
		rounds, checked := 0, 0
		end := time.Now().Add(tortureFor())
		for time.Now().Before(end) && !t.Failed() {
			churnTyped(c, &table)
			checked += occupy(t, foreign)
			rounds++
		}
		stop.Store(true)
		wg.Wait()
		s := c.Stats()
		t.Logf("%d sections, %d of them saw an object change; %d rounds, %d slabs destroyed, %d foreign objects checked, limbo peak %d B",
			sections.Load(), stale.Load(), rounds, s.Destroyed, checked, h.Stats().LimboPeak)
		if s.Destroyed == 0 || sections.Load() == 0 || stale.Load() == 0 {
			t.Error("the torture did not torture: see the counts")
		}
	})
}

func readTyped(t *testing.T, d *urcu.Domain, table *[64]atomic.Pointer[typed], stop *atomic.Bool, sections, stale *atomic.Uint64, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	defer func() {
		if v := recover(); v != nil { // a lock that was overwritten
			t.Errorf("reader: %v", v)
		}
	}()
	for !stop.Load() && !t.Failed() {
		s := d.Enter()
		i := r.IntN(len(table))
		o := table[i].Load()
		if o == nil {
			s.Exit()
			continue
		}
		if r.IntN(16) == 0 { // let the address go stale
			for range r.IntN(20) {
				runtime.Gosched()
			}
		}
		if m := o.mark.Load(); m != typedMark {
			t.Errorf("inside a section %p lost its type: mark %#x", o, m)
		}
		o.lock.Lock()
		if o.key.Load() != uint64(i)+1 {
			stale.Add(1)
		} else {
			o.hits++
		}
		o.lock.Unlock()
		s.Exit()
		sections.Add(1)
	}
}

// churnTyped publishes new objects, takes them back, frees them and shrinks.
func churnTyped(c *Cache, table *[64]atomic.Pointer[typed]) {
	for i := range table {
		o := (*typed)(c.Alloc())
		o.lock.Lock() // a stale reader may hold it
		o.key.Store(uint64(i) + 1)
		o.lock.Unlock()
		table[i].Store(o)
	}
	runtime.Gosched()
	for i := range table {
		o := table[i].Swap(nil)
		o.lock.Lock()
		o.key.Store(0)
		o.lock.Unlock()
		c.Free(Pointer(o))
	}
	c.Shrink()
}

// occupy takes whatever pages are free for objects of another kind, and checks
// that nobody else writes them.
func occupy(t *testing.T, c *Cache) int {
	var live []Pointer
	for range 300 {
		p := c.Alloc()
		for w := range 16 {
			*(*uint64)(at(p, uintptr(w*8))) = uint64(uintptr(p)) + uint64(w)
		}
		live = append(live, p)
	}
	runtime.Gosched()
	for _, p := range live {
		for w := range 16 {
			if v := *(*uint64)(at(p, uintptr(w*8))); v != uint64(uintptr(p))+uint64(w) {
				t.Errorf("foreign object %p was written: word %d is %#x", p, w, v)
				break
			}
		}
		c.Free(p)
	}
	c.Shrink()
	return len(live)
}
