package kmem

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/machinecode"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// leasing skips where slots are not let.
func leasing(t *testing.T) {
	t.Helper()
	if !canLease() {
		t.Skip("no leases here: they take plain stores and membarrier")
	}
}

// TestLease: a goroutine that borrows the same slot all the time gets it, keeps it
// until somebody wants it, and finds its objects either way.
func TestLease(t *testing.T) {
	leasing(t)
	h := newTestHeap(t, HeapOptions{})
	churn := func(c *Cache, n int) {
		for range n {
			a, b := c.Alloc(), c.Alloc()
			c.Free(a)
			c.Free(b)
		}
	}
	let := newTestCache(t, h, "let", 64, CacheOptions{})
	churn(let, 1000)
	before := let.Stats() // a stack that moves makes it one lease more
	if before.Leases < 1 || before.Leases > 3 || before.Recalls != 0 {
		t.Errorf("%d leases and %d recalls after a goroutine's 4000 calls, want 1 and 0", before.Leases, before.Recalls)
	}
	p := let.Alloc()
	let.Shrink()
	if s := let.Stats(); s.Recalls < before.Leases || s.Active != 1 {
		t.Errorf("after Shrink: %d recalls of %d leases, %d objects at hand or allocated; want all, and the allocated one", s.Recalls, before.Leases, s.Active)
	}
	let.Free(p)
	churn(let, 1000)
	if s := let.Stats(); s.Leases <= before.Leases {
		t.Errorf("%d leases after Shrink and 4000 more calls, %d before", s.Leases, before.Leases)
	}

	tokens := newTestCache(t, h, "tokens", 64, CacheOptions{NoLeases: true})
	churn(tokens, 1000)
	if s := tokens.Stats(); s.Leases != 0 {
		t.Errorf("%d leases with NoLeases", s.Leases)
	}
}

// TestLeaseCrowded: a slot that is let to one goroutine and wanted by others is
// recalled. The first times keys are spread anew, and then it takes more calls to
// get it, until a lease has lasted.
func TestLeaseCrowded(t *testing.T) {
	leasing(t)
	c := newTestCache(t, newTestHeap(t, HeapOptions{}), "crowded", 64, CacheOptions{})
	calls := func() (n int) {
		for before := c.Stats().Leases; c.Stats().Leases == before; n++ {
			c.Free(c.Alloc())
		}
		return n
	}
	crowd := func(age time.Duration) {
		for i := range c.slots.s {
			s := &c.slots.s[i]
			for range leaseMisses {
				s.lease.Load().since = time.Now().Add(-age) // however slow this machine is
				c.crowded(s)
			}
		}
	}
	// Two looks, each after leaseAfter uses, two of them here at a time. A stack that
	// moves meanwhile costs another look.
	const soon = 2*leaseAfter - 1
	calls()
	for i := range maxSpreads {
		before, mult := c.Stats().Recalls, c.slots.mult
		crowd(0)
		if n := c.Stats().Recalls; n == before || c.slots.mult == mult {
			t.Fatalf("%d goroutines found the slot let: %d recalls, %d before; keys spread anew: %v", leaseMisses, n, before, c.slots.mult != mult)
		}
		if n := calls(); n > soon {
			t.Errorf("a lease after %d spreads took %d calls, want %d at most", i+1, n, soon)
		}
	}
	crowd(0)
	if n := calls(); n <= soon {
		t.Errorf("a lease after all spreads took %d calls, want more than %d", n, soon)
	}
	crowd(time.Second)
	if n := calls(); n > soon {
		t.Errorf("a lease after one that lasted took %d calls, want %d at most", n, soon)
	}
}

// deep calls f with so many KiB of stack above it.
func deep(kib int, f func()) {
	if kib == 0 {
		f()
		return
	}
	var frame [1024]byte
	frame[kib%len(frame)] = 1
	deep(kib-1, f)
	runtime.KeepAlive(&frame)
}

// TestBorrowAtMark: the slow paths borrow the slot that Alloc and Free look at, however
// far below these their frames are. One depth in thirty had another slot, and was never
// fast.
func TestBorrowAtMark(t *testing.T) {
	c := newTestCache(t, newTestHeap(t, HeapOptions{}), "marked", 64, CacheOptions{NoLeases: true})
	var here mark
	for kib := range 16 {
		deep(kib, func() {
			key := here.key()
			s := c.borrow("Alloc", &here)
			if key == here.key() && s != c.slots.at(key, 0) { // or the stack was moved
				t.Errorf("%d KiB below the mark another slot is borrowed", kib)
			}
			s.giveBack()
		})
	}
}

// TestAllLet: when all slots are let, to goroutines that are idle, or have ended, or use
// theirs all the time, one more gets a slot, though no reaper takes any back.
func TestAllLet(t *testing.T) {
	leasing(t)
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprint("busy=", busy), func(t *testing.T) {
			c := newTestCache(t, newTestHeap(t, HeapOptions{}), "let", 64, CacheOptions{})
			let := func() (n int) {
				c.owners.Lock()
				defer c.owners.Unlock()
				for i := range c.slots.s {
					if c.slots.s[i].lease.Load() != nobody {
						n++
					}
				}
				return n
			}
			var stop atomic.Bool
			var wg sync.WaitGroup
			tenant := func(ready chan<- bool) {
				for i := 0; i < 4*leaseAfter && let() < len(c.slots.s); i++ {
					c.Free(c.Alloc())
				}
				close(ready)
				for !stop.Load() {
					if busy {
						c.Free(c.Alloc())
					}
					time.Sleep(10 * time.Microsecond)
				}
			}
			most := 0
			for tries := 0; most < len(c.slots.s) && tries < 200; tries++ {
				ready := make(chan bool)
				wg.Go(func() { tenant(ready) })
				<-ready
				time.Sleep(leaseWorth) // or keys are spread, and all leases end
				most = max(most, let())
			}
			if most < len(c.slots.s) {
				t.Logf("only %d of %d slots were let at once", most, len(c.slots.s))
			}
			mutant.Ends(t, func() {
				for range 20 {
					done := make(chan bool)
					go func() {
						defer close(done)
						c.Free(c.Alloc())
					}()
					<-done
				}
			})
			stop.Store(true)
			wg.Wait()
		})
	}
}

// TestGrowsOnce: whoever grew a cache allocates from the slab that it made, though its
// stack may have been moved on the way, and the slot at its mark be one of another home.
func TestGrowsOnce(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Reap: ReapOptions{Off: true}})
	for i := range 128 {
		c := newTestCache(t, h, fmt.Sprint("grown-", i), 64, CacheOptions{})
		done := make(chan struct{})
		go func() { // on the smallest stack, which is moved where calls go deep
			defer close(done)
			p := c.Alloc()
			if n := c.Stats().Grown; n != 1 {
				t.Errorf("one object of %s in %d slabs", c.Name(), n)
			}
			c.Free(p)
		}()
		<-done
	}
}

// TestLeaseTorture. Oracle: as TestSlabTorture's.
//
// Goroutines come and go on stacks that grow, shrink and are used again, so that
// keys pass from one to another, while the collector runs without a pause, and
// drainers and strangers recall leases.
func TestLeaseTorture(t *testing.T) {
	leasing(t)
	h := newTestHeap(t, HeapOptions{Name: "leases"})
	c := newTestCache(t, h, "leased", 128, CacheOptions{Ctor: constructTortured})
	var stop atomic.Bool
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8)) // threads of their own, preempted anywhere
	var workers [3]torturer
	var lives, drains, collections atomic.Uint64
	tortured := func() bool {
		s := c.Stats()
		return s.Leases > 100 && s.Recalls > 100 && lives.Load() > 100 && drains.Load() > 100 && collections.Load() > 10
	}
	var wg sync.WaitGroup
	for id := range workers {
		w := &workers[id]
		w.id, w.alloc, w.free = uint64(id)+1, c.Alloc, c.Free
		w.rand = rand.New(rand.NewPCG(uint64(id), 3))
		w.failure = func(f string, a ...any) {
			stop.Store(true)
			t.Errorf(f, a...)
		}
		wg.Go(func() {
			for !stop.Load() {
				var life sync.WaitGroup
				life.Go(func() { w.life(&stop) })
				life.Wait()
				lives.Add(1)
			}
		})
	}
	wg.Go(func() {
		for !stop.Load() {
			c.destroySlabs(c.drain("Drain"))
			drains.Add(1)
			for range 1000 << (drains.Load() % 6) { // leases need some calls to come about
				burnTime()
			}
		}
	})
	wg.Go(func() {
		for !stop.Load() {
			for i := range c.slots.s {
				s := &c.slots.s[i]
				s.lease.Load().since = time.Time{} // old enough to be let again soon
				c.crowded(s)
			}
			time.Sleep(time.Millisecond)
		}
	})
	wg.Go(func() {
		for !stop.Load() {
			runtime.GC()
			collections.Add(1)
			time.Sleep(time.Millisecond)
		}
	})
	rest(&stop, tortured)
	stop.Store(true)
	wg.Wait()
	var allocs, frees uint64
	for i := range workers {
		allocs, frees = allocs+workers[i].allocs.Load(), frees+workers[i].frees.Load()
	}
	s := c.Stats()
	t.Logf("%d allocations, %d frees by %d goroutines; %d leases, %d recalls; %d drains, %d collections",
		allocs, frees, lives.Load(), s.Leases, s.Recalls, drains.Load(), collections.Load())
	if allocs != frees || !t.Failed() && !tortured() {
		t.Error("the torture did not torture: see the counts")
	}
}

//go:noinline
func burnTime() {}

// life is one goroutine's: calls at several depths of its stack, enough of them
// for leases.
func (w *torturer) life(stop *atomic.Bool) {
	for range 1 + w.rand.IntN(4) {
		deep(w.rand.IntN(24), func() {
			for range 2000 {
				most := 3
				if w.rand.IntN(32) == 0 {
					most = 300 // for refills and flushes
				}
				for range 1 + w.rand.IntN(most) {
					w.get()
				}
				w.drop()
			}
		})
		if stop.Load() {
			break
		}
	}
}

// TestLeaseHasNoCalls reads the machine code of the functions that rely on having
// their stack where it is: they call what they end with, and nothing else.
func TestLeaseHasNoCalls(t *testing.T) {
	leasing(t)
	machinecode.Calls(t, map[string]string{
		"kmem.(*Cache).Alloc":  `^kmem\.\(\*Cache\)\.allocBorrowed$`,
		"kmem.(*Cache).Free":   `^kmem\.\(\*Cache\)\.freeBorrowed$`,
		"kmem.(*Cache).borrow": `^kmem\.\(\*Cache\)\.(offer|crowded|borrowNext)$`,
	})
}
