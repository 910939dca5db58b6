// Torture: everybody at once, while slabs of anon_vmas empty and their pages go
// to other caches. See doc.go for what must hold; torture_workers.go and
// torture_strangers.go have who does what.

package rmap

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
)

// Oracle names what a torture looks at.
type Oracle string

// The oracles, each with what must never be.
const (
	OracleGenuine  Oracle = "genuine"  // a lock obtained obliquely is in no AnonVMA
	OracleInUse    Oracle = "in-use"   // ... is in an AnonVMA without a VMA on its list
	OracleMember   Oracle = "member"   // a VMA on that list belongs to another AnonVMA
	OracleForeign  Oracle = "foreign"  // somebody wrote to an object of another cache
	OracleContents Oracle = "contents" // a process reads what it did not write: a page lost or doubled
	OracleAccounts Oracle = "accounts" // in the end counts do not add up, or something is left
	OraclePanic    Oracle = "panic"    // a check of the machine, of a lock or of the allocator failed
)

// Oracles returns all oracles.
func Oracles() []Oracle {
	return []Oracle{OracleGenuine, OracleInUse, OracleMember, OracleForeign, OracleContents, OracleAccounts, OraclePanic}
}

// TortureOptions are what a torture may be told.
type TortureOptions struct {
	// Heap is where all of it happens. It is damaged when something is found.
	Heap *kmem.Heap
	// Flags are those of the cache of anon_vmas: without [kmem.DestroyByRCU] the
	// torture is a negative control, for a process of its own.
	Flags kmem.Flags
	// Impl is the road; on the other two no flag is needed.
	Impl Impl
	// Readers is the number of goroutines that look at pages at full speed; 0 is
	// two per processor.
	Readers int
	// Burst is how many short-lived families one worker makes at a time; 0 is
	// enough for some slabs.
	Burst int
	// Seed makes the choices of the workers; what they do to each other is not
	// repeatable.
	Seed uint64
	// Found hears of everything that must not be, from any goroutine.
	Found func(o Oracle, what string)
}

// Count is something that a torture counted.
type Count struct {
	Name string
	N    uint64
}

// Torture is a machine and what is done to it.
type Torture struct {
	o         TortureOptions
	m         *Machine
	strangers *kmem.Typed[stranger]
	families  [8]atomic.Pointer[family] // passed from worker to worker

	over  atomic.Bool // a worker died
	found atomic.Uint64
	wg    sync.WaitGroup

	mu      sync.Mutex
	workers []*torturer // guarded by mu

	made, compared, checked atomic.Uint64
}

const (
	defaultBurst  = 400
	framesPerHead = 2 // of a burst
)

// NewTorture makes the machine. The error is the heap's.
func NewTorture(o TortureOptions) (*Torture, error) {
	if o.Readers == 0 {
		o.Readers = 2 * runtime.GOMAXPROCS(0)
	}
	if o.Burst == 0 {
		o.Burst = defaultBurst
	}
	t := &Torture{o: o}
	var err error
	frames := 2 * framesPerHead * o.Burst
	if t.m, err = New(Options{Heap: o.Heap, Frames: frames, Swap: 4 * frames, Flags: o.Flags, Impl: o.Impl}); err != nil {
		return nil, err
	}
	if t.strangers, err = kmem.Of(o.Heap, "stranger", kmem.TypedOptions[stranger]{}); err != nil {
		return nil, errors.Join(err, t.m.Close())
	}
	return t, nil
}

// Run tortures for as long as running says, and until then for as long as all
// workers live. It returns when all have ended and everything was counted. When
// nothing was found the heap is as it was before NewTorture; else it is damaged
// and must not be touched again.
func (t *Torture) Run(running func() bool) {
	goOn := func() bool { return running() && !t.over.Load() }
	for range t.o.Readers {
		t.worker("reader", nil, goOn, (*torturer).read)
		if t.o.Impl == SlabRCU {
			t.worker("slow reader", nil, goOn, (*torturer).readSlowly)
		}
	}
	for range 2 {
		t.worker("family", nil, goOn, (*torturer).raise)
	}
	t.worker("churner", nil, goOn, (*torturer).churn)
	t.onCPU("churner of an emulated CPU", goOn, (*torturer).churn)
	t.onCPU("page scanner", goOn, (*torturer).scan)
	t.wg.Wait()
	if t.found.Load() == 0 {
		t.end()
	}
}

// Counts returns what was done so far. Any goroutine may ask, at any time.
func (t *Torture) Counts() []Count {
	t.mu.Lock()
	var c Counts
	for _, w := range t.workers {
		if s := w.shown.Load(); s != nil {
			c.add(s)
		}
	}
	t.mu.Unlock()
	return []Count{
		{"anon_vmas approached from a page", c.Lookups},
		{"of them locked", c.Locked},
		{"of them changed meanwhile", c.Stale},
		{"lists walked", c.Walks},
		{"VMAs looked at", c.VMAs},
		{"families made", t.made.Load()},
		{"faults", c.Faults},
		{"of them copies", c.Copies},
		{"of them swap-ins", c.SwapIns},
		{"pages unmapped by the scanner", c.Unmapped},
		{"frames reclaimed", c.Reclaimed},
		{"pages compared with what was written", t.compared.Load()},
		{"foreign objects checked", t.checked.Load()},
		{"slabs of anon_vmas destroyed", t.m.anon.Cache().Stats().Destroyed},
		{"bytes in limbo at most", uint64(t.o.Heap.Stats().LimboPeak)},
	}
}

func (c *Counts) add(d *Counts) {
	c.Lookups += d.Lookups
	c.Locked += d.Locked
	c.Stale += d.Stale
	c.Walks += d.Walks
	c.VMAs += d.VMAs
	c.Faults += d.Faults
	c.Copies += d.Copies
	c.SwapIns += d.SwapIns
	c.Scanned += d.Scanned
	c.Unmapped += d.Unmapped
	c.Reclaimed += d.Reclaimed
}

// report files something that must not be.
func (t *Torture) report(o Oracle, format string, args ...any) {
	t.found.Add(1)
	t.o.Found(o, fmt.Sprintf(format, args...))
}

// torturer is one worker.
type torturer struct {
	*Torture
	task    *Task
	cpu     *smp.CPU
	rng     *rand.Rand
	running func() bool
	shown   atomic.Pointer[Counts]
}

// worker starts a goroutine that does work until it is told to stop. Its panic is
// a finding, and the end for all: what it held stays locked.
func (t *Torture) worker(name string, cpu *smp.CPU, running func() bool, work func(*torturer)) {
	w := t.enlist(running)
	t.wg.Go(func() { w.do(name, cpu, work) })
}

// onCPU is worker on an emulated CPU of its own.
func (t *Torture) onCPU(name string, running func() bool, work func(*torturer)) {
	w := t.enlist(running)
	t.wg.Go(func() {
		smp.Run(1, func(cpu *smp.CPU) { w.do(name, cpu, work) })
	})
}

func (t *Torture) enlist(running func() bool) *torturer {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &torturer{Torture: t, running: running, rng: rand.New(rand.NewPCG(t.o.Seed, uint64(len(t.workers))))}
	t.workers = append(t.workers, w)
	return w
}

func (w *torturer) do(name string, cpu *smp.CPU, work func(*torturer)) {
	w.task = w.m.NewTask(cpu, "torture: "+name)
	w.cpu = cpu
	defer w.task.Close()
	defer func() {
		w.show()
		if v := recover(); v != nil {
			w.over.Store(true)
			w.report(OraclePanic, "%s: %v", name, v)
		}
	}()
	work(w)
}

// show makes the worker's counts visible.
func (w *torturer) show() {
	c := w.task.Counts()
	w.shown.Store(&c)
}

// linger stays for a random while, so that others get on with their work: most
// often not at all.
func (w *torturer) linger() {
	switch n := w.rng.IntN(64); {
	case n < 40:
	case n < 63:
		for range n - 40 {
			runtime.Gosched()
		}
	default:
		time.Sleep(time.Duration(w.rng.IntN(200)) * time.Microsecond)
	}
}

// end lets the last families go and counts everything.
func (t *Torture) end() {
	task := t.m.NewTask(nil, "torture: end")
	var left []*MM
	for i := range t.families {
		if f := t.families[i].Load(); f != nil {
			left = append(left, f.mm)
		}
	}
	err := t.m.Check(left...)
	for _, mm := range left {
		task.Exit(mm)
	}
	task.Close()
	err = errors.Join(err, t.m.Close(), t.strangers.Cache().Destroy())
	if err != nil {
		t.report(OracleAccounts, "%v", err)
	}
}
