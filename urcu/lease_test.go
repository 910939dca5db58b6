package urcu

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/machinecode"
	"github.com/slabrcu/slabrcu/smp"
)

// leasing skips where words are not let.
func leasing(t *testing.T) {
	t.Helper()
	if !plainStores || !HasHeavyFence() {
		t.Skip("no leases here: they take plain stores and membarrier")
	}
}

// leased enters sections until one is by lease, and returns it. A lease that ended
// early counts no more, or this took long. Where none comes for half a minute, it
// says so.
func (d *Domain) leased() Section {
	for begin := now(); ; {
		if now()-begin > 30*time.Second {
			panic(fmt.Sprintf("domain %q: no lease for 30 s", d.name))
		}
		s := d.Enter()
		if d.leaseOf(s) != nil {
			return s
		}
		for i := range d.leases.slot {
			atomic.StoreUint32(&d.leases.slot[i].haste, 0)
		}
		s.Exit()
	}
}

// leaseOf returns the lease that s goes by, or nil.
func (d *Domain) leaseOf(s Section) *lease {
	for i := range d.leases.slot {
		if le := d.leases.slot[i].lease.Load(); s.word == &le.word {
			return le
		}
	}
	return nil
}

// TestLease: a goroutine that enters section after section gets a word, keeps it
// while it answers, and loses it to the grace period that it stays silent for.
func TestLease(t *testing.T) {
	leasing(t)
	eachFlavor(t, func(t *testing.T, d *Domain) {
		s := d.leased()
		in := d.Enter()
		if d.leaseOf(in) != nil {
			t.Error("two sections by one lease")
		}
		in.Exit()
		c := d.StartPoll()
		if d.Poll(c) {
			t.Fatal("a grace period ended with a section open that began before")
		}
		s.Exit()
		before := d.Stats()
		if before.Leases == 0 {
			t.Fatal("no lease in the statistics")
		}
		d.Synchronize()
		d.SynchronizeExpedited()
		after := d.Stats()
		if after.Recalls != after.Leases {
			t.Errorf("%d leases, %d recalls after grace periods that nobody answered", after.Leases, after.Recalls)
		}
		d.Synchronize()
		if n := d.Stats().Membarriers; n != after.Membarriers {
			t.Errorf("%d membarriers for a domain without leases or readers", n-after.Membarriers)
		}
	})
	d := newDomain(t, Options{NoLeases: true, Flavor: MB})
	for range 100 * leaseAfter {
		d.Enter().Exit()
	}
	if n := d.Stats().Leases; n != 0 {
		t.Errorf("%d leases with NoLeases", n)
	}
}

// TestLeaseAnswers: a tenant that is asked acknowledges when its section ends, and
// that saves the membarrier. A stranger who leaves the section may not.
func TestLeaseAnswers(t *testing.T) {
	leasing(t)
	d := newDomain(t, Options{Flavor: MB})
	ask := func(s Section) (c Cookie) {
		c = d.StartPoll()
		if d.Poll(c) {
			t.Fatal("a grace period ended with a section open that began before")
		}
		if atomic.LoadUint64(s.notice)&noticeAck == 0 {
			t.Fatal("the tenant has no notice")
		}
		return c
	}
	s := d.leased()
	c := ask(s)
	s.Exit()
	if !d.Poll(c) {
		t.Error("not done after the acknowledgement")
	}
	if n := d.Stats().Membarriers; n != 0 {
		t.Errorf("%d membarriers for a tenant that has acknowledged", n)
	}
	s = d.leased()
	c = ask(s)
	left := make(chan bool)
	go func() { s.Exit(); close(left) }()
	<-left
	if acknowledged(s.word, uint64(c)) {
		t.Error("a stranger has acknowledged")
	}
	d.WaitCookie(t.Context(), c)
	if n := d.Stats().Membarriers; n == 0 {
		t.Error("done without an acknowledgement or a membarrier")
	}
}

// TestLeaseRecalledAndPassed: a lease that was recalled when its next section was
// about to begin, by a leader who then passed it by its acknowledgement, ends without
// another grace period, once its tenant asks for the next one and not with a section open.
func TestLeaseRecalledAndPassed(t *testing.T) {
	leasing(t)
	d := newDomain(t, Options{Flavor: MB})
	lease := func() (Section, *lease) { // all at one depth of the stack: by one key
		for range 100 * leaseAfter {
			s := d.Enter()
			if le := d.leaseOf(s); le != nil {
				return s, le
			}
			s.Exit()
		}
		return Section{}, nil
	}
	s, le := lease()
	if le == nil {
		t.Fatal("no lease")
	}
	atomic.StoreUint32(&le.recalled, 1)
	if _, second := lease(); second != nil {
		t.Error("the lease ended with its section open")
	}
	s.Exit()
	s, second := lease()
	if second == nil {
		t.Fatal("the recalled lease stays for ever")
	}
	s.Exit()
	if n := d.Stats().GracePeriods; n != 0 {
		t.Fatalf("%d grace periods: this run proves nothing", n)
	}
}

// TestLeaseHaste: leases that end early become rarer, and one that lasted is taken
// as a good sign.
func TestLeaseHaste(t *testing.T) {
	leasing(t)
	d := newDomain(t, Options{Flavor: MB})
	sections := func() (n int) {
		for before := d.Stats().Leases; d.Stats().Leases == before; n++ {
			d.Enter().Exit()
		}
		return n
	}
	end := func(age time.Duration) {
		for i := range d.leases.slot {
			if le := d.leases.slot[i].lease.Load(); le != nobody {
				le.since = now() - age // however slow this machine is
			}
		}
		d.SynchronizeExpedited()
	}
	first := sections()
	last := first
	for range 4 {
		end(-time.Hour)
		last = sections()
	}
	if last < 4*first {
		t.Errorf("a lease after four that ended early took %d sections, the first one %d", last, first)
	}
	end(time.Second)
	if n := sections(); n > 2*leaseAfter {
		t.Errorf("a lease after one that lasted took %d sections, want %d at most", n, 2*leaseAfter)
	}
}

// TestTortureHandOver is the lockstep of lockstep_test.go with a tenant who hands a
// section to the updater: that one leaves it when it has a notice, and the tenant
// enters the next section by the same word in that moment.
func TestTortureHandOver(t *testing.T) {
	leasing(t)
	l := &lockstep{d: newDomain(t, Options{Flavor: MB})}
	var handed atomic.Pointer[Section]
	smp.Run(2, func(c *smp.CPU) {
		defer l.stop.Store(true)
		if c.ID() == 1 {
			l.handOver(&handed)
			return
		}
		r, skew := rand.New(rand.NewPCG(1, 1)), 100
		for n, begin := uint64(1), now(); now()-begin < tortureTime() && !l.stop.Load(); n++ {
			l.found.Store(n)
			for handed.Load() == nil {
				if l.stop.Load() {
					return
				}
			}
			cookie := l.d.StartPoll()
			l.d.Poll(cookie) // gives the notice
			handed.Swap(nil).Exit()
			for range skew + r.IntN(32) {
				burn()
			}
			l.found.Store(0)
			l.d.SynchronizeExpedited()
			l.over.Store(n)
			if l.met.Load() == n {
				skew = max(skew-5, 0)
			} else {
				skew = min(skew+5, 2000)
			}
		}
	})
	t.Logf("%d rounds, the tenant found the word in %d, the grace period was broken in %d", l.rounds, l.held, l.broken)
	if l.broken != 0 {
		t.Errorf("the grace period was too short in %d of %d rounds", l.broken, l.rounds)
	}
}

// handOver is the tenant's side.
func (l *lockstep) handOver(handed *atomic.Pointer[Section]) {
	for n := uint64(1); ; n++ {
		open := l.d.leased()
		handed.Store(&open)
		for atomic.LoadUint64(open.word)&1 != 0 {
			if l.stop.Load() {
				if s := handed.Swap(nil); s != nil { // the updater had no use for it
					s.Exit()
				}
				return
			}
		}
		s := l.d.Enter()
		found := l.found.Load()
		early := false
		for range hold {
			if early = l.over.Load() == n; early {
				break
			}
		}
		s.Exit()
		l.rounds++
		if found == n {
			l.held++
			l.met.Store(n)
			if early {
				l.broken++
				l.stop.Store(true)
			}
		}
		for l.over.Load() != n && !l.stop.Load() {
			burn()
		}
	}
}

// TestEnterHasNoCalls reads the machine code of what relies on having its stack
// where it is: it calls what it ends with, and nothing else.
func TestEnterHasNoCalls(t *testing.T) {
	leasing(t)
	machinecode.Calls(t, map[string]string{
		"urcu.(*Domain).Enter":  `^urcu\.(\(\*Domain\)\.enterShared|Section\.(Exit|exitSlow))$`,
		"urcu.Section.exitSlow": `^urcu\.Section\.exitRare$`,
	})
}
