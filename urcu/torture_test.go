// The torture suite: what it runs, what it looks at, what it prints.
//
// Oracle, in one line: a block that a reader found in its section is never older
// than "unpublished, grace period not over" when the section ends.

package urcu

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mutant"
	"github.com/slabrcu/slabrcu/smp"
)

var tortureFor = flag.Duration("urcu.torture", 250*time.Millisecond, "how long each part of the torture suite lasts")

// tortureTime is longer in the process of a mutant: what is broken stops at the
// first sign of it.
func tortureTime() time.Duration {
	if os.Getenv(mutant.Env) != "" {
		return 30 * time.Second
	}
	return *tortureFor
}

// A torture is one run on one domain.
type torture struct {
	t     *testing.T
	d     *Domain
	seed  uint64
	stop  atomic.Bool
	roots [4]atomic.Pointer[block] // what readers find
	pool  pool

	noise   [8]struct{ word, _, _, _, _, _, _, _ uint64 } // lines that readers and writers both store to
	readers [16]readerState

	// Evidence.
	sections atomic.Int64
	pipe     [pipeLen + 2]atomic.Int64 // sections by the age of their block at the end
	early    atomic.Int64              // sections in which a grace period ended that began inside
	dead     atomic.Int64              // poisoned blocks seen
	cookies  check
	order    check
	barriers check
	ways     [len(ways)]atomic.Int64
	exits    atomic.Int64 // readers that came and went
}

// A check is something tried so often, of which so many failed.
type check struct{ tries, fails atomic.Int64 }

func (x *torture) check(c *check, ok bool) {
	c.tries.Add(1)
	if !ok {
		c.fails.Add(1)
		x.stop.Store(true)
	}
}

func (c *check) String() string {
	return fmt.Sprintf("%d of %d failed", c.fails.Load(), c.tries.Load())
}

// readerState is what one long-lived reader shows to others.
type readerState struct {
	counter uint64        // sections so far, by releaseStore
	mail    atomic.Uint64 // an order check for this reader to make, see mail
	_       [112]byte
}

func startTorture(t *testing.T, o Options) *torture {
	o.Name = t.Name()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	x := &torture{t: t, d: d, seed: uint64(time.Now().UnixNano())}
	x.pool.fill(x)
	for i := range x.roots {
		x.roots[i].Store(x.pool.take())
	}
	return x
}

func (x *torture) rand(i int) *rand.Rand { return rand.New(rand.NewPCG(x.seed, uint64(i))) }

// TestTortureTight is one CPU that reads in the tightest loop and one that
// unpublishes and waits as fast as it can: orderings break here.
func TestTortureTight(t *testing.T) {
	for _, f := range flavors() {
		t.Run(f.String(), func(t *testing.T) { tight(t, f, false) })
	}
	t.Run("any", func(t *testing.T) { tight(t, MB, true) })
}

func tight(t *testing.T, f Flavor, any bool) {
	x := startTorture(t, Options{Flavor: f})
	var here sync.WaitGroup // the clock starts when both are: the machine may be busy
	here.Add(2)
	go func() {
		here.Wait()
		time.AfterFunc(tortureTime(), func() { x.stop.Store(true) })
	}()
	smp.Run(2, func(c *smp.CPU) {
		here.Done()
		if c.ID() == 0 {
			x.write(x.rand(0), 0, 2)
		} else {
			x.readTight(x.newReader(any), x.rand(1), 1)
		}
	})
	x.finish()
}

// TestTortureCrowd is more of everything than the machine has: readers of both
// kinds, writers of all ways, readers that come and go, barriers, collections,
// and a number of processors that changes.
func TestTortureCrowd(t *testing.T) {
	for _, f := range flavors() {
		t.Run(f.String(), func(t *testing.T) { crowded(t, f) })
	}
}

func crowded(t *testing.T, f Flavor) {
	x := startTorture(t, Options{Flavor: f, HighMark: 500})
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() { x.read(x.newReader(i%2 == 1), x.rand(i), i) })
	}
	for i := range 3 {
		wg.Go(func() { x.write(x.rand(10+i), 0, len(ways)) })
	}
	for i := range 2 {
		wg.Go(func() { x.fakeWrite(x.rand(20 + i)) })
	}
	wg.Go(func() { x.storm(x.rand(30)) })
	wg.Go(x.postAndBarrier)
	procs := runtime.GOMAXPROCS(0)
	wg.Go(func() { x.shake(x.rand(40)) })
	for end := now() + tortureTime(); now() < end && !x.stop.Load(); {
		time.Sleep(time.Millisecond)
	}
	x.stop.Store(true)
	wg.Wait()
	runtime.GOMAXPROCS(procs)
	x.finish()
}

// shake disturbs everybody from outside.
func (x *torture) shake(r *rand.Rand) {
	for !x.stop.Load() {
		if r.IntN(2) == 0 {
			runtime.GC()
		} else {
			runtime.GOMAXPROCS(1 + r.IntN(4))
		}
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
	}
}

// finish lets everything come to rest, looks for what is missing, closes the
// domain and prints the evidence.
func (x *torture) finish() {
	x.t.Helper()
	for range pipeLen + 2 {
		x.d.Barrier() // blocks that age by Call call again
	}
	lost := x.pool.missing(x)
	if err := x.d.Close(); err != nil {
		x.t.Error(err)
	}
	x.print(lost)
	for i := 2; i < len(x.pipe); i++ {
		if n := x.pipe[i].Load(); n != 0 {
			x.t.Errorf("%d sections held a block of age %d: the grace period was too short", n, i)
		}
	}
	if n := x.early.Load(); n != 0 {
		x.t.Errorf("%d sections saw a grace period begin and end inside", n)
	}
	if n := x.dead.Load(); n != 0 {
		x.t.Errorf("%d reads of freed blocks", n)
	}
	for name, c := range map[string]*check{"cookie": &x.cookies, "order": &x.order, "barrier": &x.barriers} {
		if n := c.fails.Load(); n != 0 {
			x.t.Errorf("%d of %d %s checks failed", n, c.tries.Load(), name)
		}
	}
	if lost != 0 {
		x.t.Errorf("%d blocks are lost: a callback was dropped", lost)
	}
	if x.sections.Load() == 0 || x.pool.made.Load() == 0 {
		x.t.Error("nothing happened")
	}
}

// print writes the evidence, also of a run that passes.
func (x *torture) print(lost int) {
	s := x.d.Stats()
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s seed %d\n", x.t.Name(), x.seed)
	fmt.Fprintf(&b, "    sections %d, by age of their block %v, with a whole grace period inside %d\n", x.sections.Load(), counts(x.pipe[:]), x.early.Load())
	fmt.Fprintf(&b, "    blocks published %d, starved %d, lost %d, by age reached %v\n", x.pool.made.Load(), x.pool.starved.Load(), lost, counts(x.pool.reached[:]))
	fmt.Fprintf(&b, "    checks: cookies %v; order %v; barriers %v; freed blocks seen %d; readers that left %d\n", &x.cookies, &x.order, &x.barriers, x.dead.Load(), x.exits.Load())
	fmt.Fprintf(&b, "    waits:")
	for i := range ways {
		if n := x.ways[i].Load(); n > 0 {
			fmt.Fprintf(&b, " %s %d", ways[i].name, n)
		}
	}
	fmt.Fprintf(&b, "\n    grace periods %d (p50 %v, p99 %v, longest %v), membarriers %d, leases %d (ended %d), sleeps %d, callbacks %d (peak %d, spilled %d)\n",
		s.GracePeriods, s.P50, s.P99, s.Longest, s.Membarriers, s.Leases, s.Recalls, s.Parked, s.Ran, s.Peak, s.Spilled)
	os.Stdout.WriteString(b.String())
}

func counts(c []atomic.Int64) []int64 {
	n := make([]int64, len(c))
	for i := range c {
		n[i] = c[i].Load()
	}
	return n
}
