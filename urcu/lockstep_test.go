// Lockstep: a reader and an updater meet thousands of times at the one instant
// where a missing fence shows.

package urcu

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

// A lockstep is rounds of this: the updater unpublishes a word and waits for a
// grace period while the reader enters a section, finds the word, and holds on
// to it. The section must end before the wait does.
//
// Before the reader enters, it stores to lines that the updater has just written
// and that all fall into one set of the cache, so that its own word waits behind
// them in the store buffer: for half a microsecond, where a line each on sets of
// their own took a tenth of that.
type lockstep struct {
	d     *Domain
	enter func()
	leave func()
	ready func() // makes the reader as it shall be before the round
	first func() // nil, or by the updater before it unpublishes, at any moment of the reader's

	noise [96]struct {
		word uint64
		_    [4096 - 8]byte
	}
	start atomic.Uint64 // round that has begun, by the updater
	_     [120]byte
	found atomic.Uint64 // what the updater unpublishes: a round's number
	_     [120]byte
	waits atomic.Uint64 // round whose reader is ready
	_     [120]byte
	over  atomic.Uint64 // round whose grace period has ended
	met   atomic.Uint64 // last round in which the reader found the word, or (bell) has left
	_     [120]byte
	skew  atomic.Int64 // bell: how long the reader stays after the start
	stop  atomic.Bool

	rounds, held, broken int // by the reader
	sink                 uint64
}

// hold bounds how long a section lasts, in looks at over.
const hold = 6000

func (l *lockstep) read(r *rand.Rand) {
	for n := uint64(1); ; n++ {
		l.ready()
		l.waits.Store(n)
		for l.start.Load() != n {
			if l.stop.Load() {
				return
			}
		}
		// Both lines are at hand before the jam, so that nothing delays the loads.
		l.sink += l.found.Load() + atomic.LoadUint64(&l.d.epoch)
		for k := range len(l.noise) - r.IntN(32) {
			releaseStore(&l.noise[k].word, n)
		}
		l.enter()
		found := l.found.Load()
		early := false
		for range hold {
			if early = l.over.Load() == n; early {
				break
			}
		}
		l.leave()
		l.rounds++
		if found == n {
			l.held++
			l.met.Store(n)
			if early {
				l.broken++
				l.stop.Store(true)
			}
		}
		for l.over.Load() != n {
			burn()
		}
	}
}

func (l *lockstep) update(r *rand.Rand, limit time.Duration) {
	begin := now()
	// skew is how long the updater lets the reader go ahead. It settles where the
	// reader finds the word every other time: at the instant that matters.
	skew := 100
	for n := uint64(1); now()-begin < limit && !l.stop.Load(); n++ {
		for l.waits.Load() != n {
			burn()
		}
		if l.met.Load() == n-1 {
			skew = max(skew-5, 0)
		} else {
			skew = min(skew+5, 2000)
		}
		l.found.Store(n)
		for i := range l.noise {
			atomic.StoreUint64(&l.noise[i].word, n)
		}
		l.start.Store(n)
		for range skew + r.IntN(32) {
			burn()
		}
		if l.first != nil {
			l.first()
			skew = r.IntN(500)
		}
		l.found.Store(0)
		l.d.SynchronizeExpedited()
		l.over.Store(n)
	}
	l.stop.Store(true)
}

func TestTortureLockstep(t *testing.T) {
	nothing := func() {}
	run := func(name string, f Flavor, setUp func(l *lockstep) (tearDown func())) {
		t.Run(name, func(t *testing.T) {
			if f == Memb && !HasHeavyFence() {
				t.Skip(ErrNoMembarrier)
			}
			l := &lockstep{d: newDomain(t, Options{Flavor: f, NoLeases: name == "any"}), ready: nothing}
			smp.Run(2, func(c *smp.CPU) {
				r := rand.New(rand.NewPCG(1, uint64(c.ID())))
				if c.ID() == 0 {
					l.update(r, tortureTime())
					return
				}
				defer setUp(l)()
				l.read(r)
			})
			t.Logf("%d rounds, the reader found the word in %d, the grace period was broken in %d", l.rounds, l.held, l.broken)
			if l.broken != 0 {
				t.Errorf("the grace period was too short in %d of %d rounds", l.broken, l.rounds)
			}
			if l.held == 0 {
				t.Log("never met: this run proves nothing")
			}
		})
	}
	run("qsbr", QSBR, func(l *lockstep) func() {
		r := l.d.RegisterQSBR("")
		r.Offline()
		l.enter, l.leave = r.Online, r.Offline
		return r.Unregister
	})
	run("memb", Memb, func(l *lockstep) func() {
		r := l.d.RegisterMemb("")
		l.enter, l.leave, l.ready = r.Lock, r.Unlock, r.Online
		return r.Unregister
	})
	run("memb from offline", Memb, func(l *lockstep) func() {
		r := l.d.RegisterMemb("")
		l.enter = func() { r.Online(); r.Lock() }
		l.leave, l.ready = r.Unlock, r.Offline
		return r.Unregister
	})
	run("mb", MB, func(l *lockstep) func() {
		r := l.d.RegisterMB("")
		l.enter, l.leave = r.Lock, r.Unlock
		return r.Unregister
	})
	any := func(l *lockstep) func() {
		var s Section
		l.enter = func() { s = l.d.Enter() }
		l.leave = func() { s.Exit() }
		return nothing
	}
	run("any", MB, any)
	if HasHeavyFence() && plainStores {
		run("leased", MB, func(l *lockstep) func() {
			l.ready = func() { l.d.leased().Exit() }
			return any(l)
		})
		run("recalled", MB, func(l *lockstep) func() { // the lease ends where the section begins
			l.ready = func() { l.d.leased().Exit() }
			l.first = l.d.SynchronizeExpedited
			return any(l)
		})
	}
}

// TestTortureLockstepBell is the same for the bell: a section ends while the
// leader asks its reader to ring. Either the leader sees the end or the bell rings.
func TestTortureLockstepBell(t *testing.T) {
	if plainStores && !HasHeavyFence() {
		t.Skip("without a heavy fence rings may be lost, and the sleep is bounded")
	}
	for _, f := range flavors() {
		t.Run(f.String(), func(t *testing.T) { lockstepBell(t, f) })
	}
}

func lockstepBell(t *testing.T, f Flavor) {
	d := newDomain(t, Options{Flavor: f})
	l := &lockstep{d: d}
	lost, slept := 0, 0
	smp.Run(2, func(c *smp.CPU) {
		r := rand.New(rand.NewPCG(2, uint64(c.ID())))
		if c.ID() == 0 {
			lost, slept = l.ask(r, tortureTime())
			l.stop.Store(true)
			return
		}
		reader, leave, rec := registerForBell(d)
		defer reader.Unregister()
		for n := uint64(1); ; n++ {
			reader.Lock()
			l.waits.Store(n)
			for l.start.Load() != n {
				if l.stop.Load() {
					reader.Unlock()
					return
				}
			}
			for range int(l.skew.Load()) + r.IntN(32) {
				burn()
			}
			l.sink += atomic.LoadUint64(&rec.notice)
			for k := range len(l.noise) - r.IntN(32) {
				releaseStore(&l.noise[k].word, n)
			}
			leave()
			l.met.Store(n)
			for l.over.Load() != n {
				burn()
			}
		}
	})
	t.Logf("%d sleeps, %d rings lost", slept, lost)
	if lost != 0 {
		t.Errorf("%d of %d rings were lost", lost, slept)
	}
}

// registerForBell returns a reader of d's flavor, how it leaves its section for the
// leader to see, and its record.
func registerForBell(d *Domain) (r Reader, leave func(), rec *record) {
	switch d.flavor {
	case QSBR:
		r := d.RegisterQSBR("")
		return r, func() { r.Unlock(); r.QuiescentState() }, r.rec
	case Memb:
		r := d.RegisterMemb("")
		return r, r.Unlock, r.rec
	}
	m := d.RegisterMB("")
	return m, m.Unlock, m.rec
}

// ask is the leader's side. The reader's stay settles where the leader would go
// to sleep every other time.
func (l *lockstep) ask(r *rand.Rand, limit time.Duration) (lost, slept int) {
	d, g := l.d, &l.d.grace
	stay := int64(500)
	for n, begin := uint64(1), now(); now()-begin < limit && lost == 0; n++ {
		for l.waits.Load() != n {
			burn()
		}
		for !g.tryLead() {
			burn()
		}
		g.begin(d)
		for i := range l.noise {
			atomic.StoreUint64(&l.noise[i].word, n)
		}
		l.skew.Store(stay)
		l.start.Store(n)
		if g.ask(d) {
			slept++
			stay = max(stay-stay/32, 0)
			for l.met.Load() != n { // until it has left
				burn()
			}
			if len(d.bell.ch) == 0 {
				lost++
			}
		} else {
			stay = min(stay+stay/32+1, 50_000)
		}
		for !g.advance(d) {
			burn()
		}
		g.finish(d)
		d.release()
		l.over.Store(n)
	}
	return lost, slept
}
