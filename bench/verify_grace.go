// Grace-period torture: how old is what readers still look at?
//
// See doc.go for an overview.

package bench

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/urcu"
)

const (
	graceBlocks = 512 // in the pool
	graceAges   = 10  // grace periods until an unpublished block is free again
)

// block is what readers look at. Its age is 0 while it is published or free, 1
// when it was unpublished, and one more after each grace period since.
type block struct {
	head  urcu.Head // the block outlives every callback: the pool holds it
	age   atomic.Int32
	alive atomic.Bool // false in the pool
	index int32       // place in the pool, constant
}

// pool is all blocks of a torture.
type pool struct {
	blocks [graceBlocks]block
	domain *urcu.Domain

	mu   sync.Mutex
	free []*block // guarded by mu
}

func newPool(d *urcu.Domain) *pool {
	p := &pool{domain: d}
	for i := range p.blocks {
		p.blocks[i].index = int32(i)
		p.free = append(p.free, &p.blocks[i])
	}
	return p
}

// take takes a block out of the pool; nil when all are on their way.
func (p *pool) take() *block {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return nil
	}
	b := p.free[0] // the one that rested longest
	p.free = p.free[1:]
	b.age.Store(0)
	b.alive.Store(true)
	return b
}

// older adds a grace period to a block's age and reports whether it went back
// to the pool.
func (p *pool) older(b *block) bool {
	if b.age.Add(1) < graceAges {
		return false
	}
	b.alive.Store(false)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, b)
	return true
}

// gracePool is the pool whose blocks callbacks age now; one torture runs at a
// time, and a head has no room for a pointer.
var (
	gracePool atomic.Pointer[pool]
	graceTurn sync.Mutex
)

// graceAged is the callback way through the ages: each callback queues the next.
// It is set in init because its function queues itself.
var graceAged urcu.Callback

func init() {
	graceAged = urcu.NewCallback("bench.grace", func(h *urcu.Head) {
		p := gracePool.Load()
		if b := blockOf(h); !p.older(b) {
			p.domain.Call(h, graceAged)
		}
	})
}

// graceTrial is one torture of one flavour.
type graceTrial struct {
	*trial
	domain  *urcu.Domain
	pool    *pool
	current atomic.Pointer[block]

	ages     [graceAges + 1]atomic.Uint64 // what readers saw at the end of their sections
	sections *atomic.Uint64
	swaps    *atomic.Uint64
	ways     [4]*atomic.Uint64
	barriers *atomic.Uint64
}

// graceTortures are one torture for each flavour that runs here.
func graceTortures() []torture {
	var out []torture
	for _, f := range []urcu.Flavor{urcu.QSBR, urcu.Memb, urcu.MB} {
		if f == urcu.Memb && !urcu.HasHeavyFence() {
			continue
		}
		out = append(out, torture{
			"grace-period/" + f.String(),
			"at the end of its section a reader has seen no block that a grace period has passed over",
			10,
			func(t *trial) error { return tortureGrace(t, f) },
		})
	}
	return out
}

func tortureGrace(t *trial, f urcu.Flavor) error {
	graceTurn.Lock()
	defer graceTurn.Unlock()
	d, err := urcu.New(urcu.Options{Name: "grace torture", Flavor: f})
	if err != nil {
		return err
	}
	g := &graceTrial{trial: t, domain: d, pool: newPool(d)}
	gracePool.Store(g.pool)
	g.counters()
	g.current.Store(g.pool.take())
	for i := range max(2, runtime.GOMAXPROCS(0)) {
		g.worker("registered reader", func() { g.readRegistered(newRandom(i)) })
		g.worker("reader", func() { g.readAny(newRandom(100 + i)) })
	}
	for i := range 2 {
		g.worker("updater", func() { g.update(newRandom(200 + i)) })
	}
	g.worker("barrier", g.barrier)
	t.wg.Wait()
	return g.end()
}

func (g *graceTrial) counters() {
	g.sections = g.count("sections")
	g.swaps = g.count("blocks unpublished")
	for i, name := range []string{"Synchronize", "SynchronizeExpedited", "StartPoll and WaitCookie", "Call"} {
		g.ways[i] = g.count("aged by " + name)
	}
	g.barriers = g.count("barriers")
	g.countFunc("grace periods", func() uint64 { return uint64(g.domain.Stats().GracePeriods) })
	for i := range g.ages {
		g.countFunc(fmt.Sprintf("seen at age %d", i), g.ages[i].Load)
	}
}

// end waits for all callbacks; then every block but the published one must be in
// the pool.
func (g *graceTrial) end() error {
	for range graceAges + 1 {
		g.domain.Barrier()
	}
	g.pool.mu.Lock()
	back := len(g.pool.free)
	g.pool.mu.Unlock()
	if back != graceBlocks-1 {
		g.found(ClassLost, "%d of %d blocks came back", back, graceBlocks-1)
	}
	if err := g.domain.Close(); err != nil {
		g.found(ClassLost, "closing the domain: %v", err)
	}
	return nil
}

// readRegistered reads as a registered reader, nested now and then, and comes
// and goes.
func (g *graceTrial) readRegistered(rng random) {
	for g.running() {
		reader := g.domain.Register("torture")
		for range 1000 {
			if !g.running() {
				break
			}
			nested := rng.below(4) == 0
			reader.Lock()
			if nested {
				reader.Lock()
			}
			g.look(&rng)
			if nested {
				reader.Unlock()
			}
			reader.Unlock()
			if rng.below(8) == 0 {
				reader.QuiescentState()
			}
			g.sections.Add(1)
		}
		reader.Unregister()
	}
}

// readAny reads in sections of a plain goroutine.
func (g *graceTrial) readAny(rng random) {
	for g.running() {
		s := g.domain.Enter()
		g.look(&rng)
		s.Exit()
		g.sections.Add(1)
	}
}

// look is one section: load the block, stay, and file its age at the end. A
// cookie taken at the start must not be done at the end.
func (g *graceTrial) look(rng *random) {
	cookie := g.domain.StartPoll()
	b := g.current.Load()
	linger(rng)
	age, alive := b.age.Load(), b.alive.Load()
	g.ages[min(int(age), graceAges)].Add(1)
	if age >= 2 || !alive {
		g.found(ClassEarly, "a reader still in its section saw block %d at age %d", b.index, age)
	}
	if g.domain.Poll(cookie) {
		g.found(ClassOrder, "cookie %d, taken in a section, was done before the section's end", cookie)
	}
}

// update unpublishes blocks and ages them, each in a way chosen at random.
func (g *graceTrial) update(rng random) {
	for g.running() {
		b := g.pool.take()
		if b == nil {
			g.domain.Drive()
			runtime.Gosched()
			continue
		}
		old := g.current.Swap(b)
		old.age.Add(1)
		g.swaps.Add(1)
		way := rng.below(8)
		g.ways[min(way, 3)].Add(1)
		if way >= 3 {
			g.domain.Call(&old.head, graceAged)
			continue
		}
		for aged := false; !aged; aged = g.pool.older(old) {
			g.wait(way)
		}
	}
}

// wait waits for a grace period in one of three ways.
func (g *graceTrial) wait(way int) {
	switch way {
	case 0:
		g.domain.Synchronize()
	case 1:
		g.domain.SynchronizeExpedited()
	case 2:
		// The context never ends: an updater must not leave a block half aged.
		if err := g.domain.WaitCookie(context.Background(), g.domain.StartPoll()); err != nil {
			g.found(ClassOrder, "WaitCookie: %v", err)
		}
	}
}

// barrier posts callbacks and waits for them: all must have run.
func (g *graceTrial) barrier() {
	for g.running() {
		const posts = 8
		var ran atomic.Int32
		for range posts {
			g.domain.Defer(func() { ran.Add(1) })
		}
		g.domain.Barrier()
		if n := ran.Load(); n != posts {
			g.found(ClassOrder, "%d of %d callbacks had run after the barrier", n, posts)
		}
		g.barriers.Add(1)
	}
}
