// Verification: torture runs that look for what must never be, and the evidence
// that they give. See doc.go for an overview.

package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

// VerifyOptions say what to torture and for how long.
type VerifyOptions struct {
	Flags    kmem.Flags    // create flags of the caches under torture
	Pattern  string        // which tortures, as TortureNames has it; empty is all
	Duration time.Duration // of all tortures together
	Layout   kmem.Layout
	Heap     HeapSettings
}

// Class says what kind of thing was found.
type Class string

// The classes of what a torture finds by itself. What only the death of the
// process shows has classes of its own, in control.go.
const (
	ClassType      Class = "type"      // a reader in a section met something that is no object of its cache
	ClassForeign   Class = "foreign"   // a foreign object was written to
	ClassState     Class = "state"     // an object was not in the state that its last owner left
	ClassDuplicate Class = "duplicate" // an object was handed out twice
	ClassLost      Class = "lost"      // objects, blocks or pages did not come back
	ClassEarly     Class = "early"     // a grace period ended while a reader it must wait for was in its section
	ClassOrder     Class = "order"     // a cookie or a barrier was answered too early
	ClassPanic     Class = "panic"     // a worker panicked
	ClassHang      Class = "hang"      // workers did not come to an end
)

// Finding is one kind of thing that must not be, with the first example.
type Finding struct {
	Class   Class
	N       uint64
	Example string
}

// Count is something that a torture counted on its way.
type Count struct {
	Name string
	N    uint64
}

// Evidence is what one torture did and found. It is printed also when nothing
// was found: a torture that did nothing proves nothing.
type Evidence struct {
	Torture  string
	Oracle   string // in one line, what must never be
	Done     bool   // false: a snapshot of a torture under way
	Took     time.Duration
	Counts   []Count
	Findings []Finding
	Failure  string // why it could not run; it then proves nothing
}

// Found reports whether the torture found what must not be.
func (e *Evidence) Found() bool { return len(e.Findings) > 0 }

// torture is one suite.
type torture struct {
	name   string
	oracle string
	share  int // of the duration, in percent of all
	run    func(*trial) error
}

// tortures are run in this order. The last is the one that kills its process
// when the mechanism is missing, so the others have spoken before.
func tortures() []torture {
	out := []torture{
		{"slab", "every object handed out is the caller's alone, in constructed state, and all come back", 20, tortureSlab},
	}
	out = append(out, graceTortures()...)
	const oracle = "inside a section an address once seen is an object of its cache, and no foreign object is ever written"
	return append(out,
		torture{"oblique", "every lock found from a page is in an AnonVMA in use, no foreign object is written, no page is lost or doubled", 10, tortureOblique},
		torture{"type-stability/ref", oracle, 20, func(t *trial) error { return tortureTypes(t, (*typeTrial).visitByRef) }},
		torture{"type-stability/lock", oracle, 20, func(t *trial) error { return tortureTypes(t, (*typeTrial).visitByLock) }},
	)
}

// Verify runs all tortures, one after the other. It hands snapshots of the
// evidence to report many times a second and at the end of each torture, so that
// something is known when the process does not survive. It returns when
// all have ended, also when workers hang: their goroutines are then lost, and so
// is the memory they look at.
func Verify(ctx context.Context, o VerifyOptions, report func(Evidence)) []Evidence {
	var all []Evidence
	for _, t := range o.tortures() {
		if ctx.Err() != nil {
			break
		}
		e := t.verify(ctx, o, report)
		all = append(all, e)
	}
	return all
}

const (
	snapshotEvery = 20 * time.Millisecond
	hangAfter     = 3 * time.Second // that a worker may need to come to an end
)

func (t torture) verify(ctx context.Context, o VerifyOptions, report func(Evidence)) Evidence {
	d := o.Duration * time.Duration(t.share) / 100
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	tr := &trial{VerifyOptions: o, ctx: ctx, began: time.Now()}
	stop := context.AfterFunc(ctx, func() { tr.over.Store(true) })
	defer stop()

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tr.guard("torture "+t.name, func() {
			if err := t.run(tr); err != nil {
				tr.mu.Lock()
				defer tr.mu.Unlock()
				tr.failure = err.Error()
			}
		})
	}()
	tick := time.NewTicker(snapshotEvery)
	defer tick.Stop()
	var hung <-chan time.Time
	for over := ctx.Done(); ; {
		select {
		case <-tick.C:
			report(tr.evidence(t, false))
			continue
		case <-over:
			over, hung = nil, time.After(hangAfter)
			continue
		case <-hung:
			tr.found(ClassHang, "workers still at work %v after the end", hangAfter)
		case <-ended:
		}
		e := tr.evidence(t, true)
		report(e)
		return e
	}
}

// trial is one run of a torture.
type trial struct {
	VerifyOptions

	ctx   context.Context
	began time.Time
	over  atomic.Bool // time is up
	wg    sync.WaitGroup

	mu       sync.Mutex
	counts   []func() Count
	findings []Finding
	failure  string
}

// running reports whether there is time left.
func (t *trial) running() bool { return !t.over.Load() }

// count registers a counter under a name and returns it.
func (t *trial) count(name string) *atomic.Uint64 {
	n := new(atomic.Uint64)
	t.countFunc(name, n.Load)
	return n
}

// countFunc registers something that can be counted at any time.
func (t *trial) countFunc(name string, n func() uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts = append(t.counts, func() Count { return Count{name, n()} })
}

// found files something that must not be.
func (t *trial) found(class Class, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.findings {
		if t.findings[i].Class == class {
			t.findings[i].N++
			return
		}
	}
	t.findings = append(t.findings, Finding{class, 1, fmt.Sprintf(format, args...)})
}

// failed reports whether anything was found so far.
func (t *trial) failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.findings) > 0
}

// worker starts a goroutine of the torture. Its panic is a finding.
func (t *trial) worker(name string, body func()) {
	t.wg.Go(func() { t.guard(name, body) })
}

// guard turns a panic of body into a finding.
func (t *trial) guard(name string, body func()) {
	defer func() {
		if v := recover(); v != nil {
			t.found(ClassPanic, "%s: %v", name, v)
		}
	}()
	body()
}

func (t *trial) evidence(tt torture, done bool) Evidence {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := Evidence{Torture: tt.name, Oracle: tt.oracle, Done: done, Took: time.Since(t.began), Failure: t.failure}
	for _, n := range t.counts {
		e.Counts = append(e.Counts, n())
	}
	e.Findings = append(e.Findings, t.findings...)
	return e
}

// newHeap makes a heap for the torture.
func (t *trial) newHeap(name string) (*kmem.Heap, error) {
	o := kmem.HeapOptions{Name: name, Reserve: t.Heap.Reserve, Limit: t.Heap.Limit, Layout: t.Layout}
	if o.Reserve == 0 && !raceEnabled {
		o.Reserve = reserveBytes
	}
	return kmem.NewHeap(o)
}

// linger stays for a random while, so that others get on with their work: most
// often not at all, sometimes some turns of the scheduler.
func linger(rng *random) {
	for range rng.below(32) - 16 {
		runtime.Gosched()
	}
}
