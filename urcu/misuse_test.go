package urcu

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// wantPanic fails unless body panics with a message that contains part.
func wantPanic(t *testing.T, part string, body func()) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		if v == nil {
			t.Errorf("no panic, want one with %q", part)
		} else if text := fmt.Sprint(v); !strings.Contains(text, part) {
			t.Errorf("panic %q, want one with %q", text, part)
		}
	}()
	body()
}

func needInvariants(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("checked in builds with -tags=invariants")
	}
}

func TestWrongFlavor(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		if d.Flavor() != QSBR {
			wantPanic(t, "domain's flavor is", func() { d.RegisterQSBR("") })
		}
		if d.Flavor() != Memb {
			wantPanic(t, "domain's flavor is", func() { d.RegisterMemb("") })
		}
		if d.Flavor() != MB {
			wantPanic(t, "domain's flavor is", func() { d.RegisterMB("") })
		}
	})
}

func TestRegisteredTwice(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		r := d.Register("one")
		wantPanic(t, "registered twice", func() { d.Register("one") })
		other := d.Register("two")
		other.Unregister()
		r.Unregister()
		d.Register("one").Unregister() // free again
		var wg sync.WaitGroup
		r = d.Register("one")
		wg.Go(func() { d.Register("one").Unregister() }) // another goroutine may
		wg.Wait()
		r.Unregister()
	})
}

func TestUseAfterUnregister(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		r := d.Register("gone")
		r.Unregister()
		for name, use := range map[string]func(){
			"Unregister": r.Unregister, "Synchronize": r.Synchronize, "Offline": r.Offline, "Online": r.Online,
		} {
			wantPanic(t, name+" on a reader after Unregister", use)
		}
		if d.Flavor() == QSBR {
			wantPanic(t, "after Unregister", r.QuiescentState)
			return // its sections cost nothing and check nothing
		}
		if d.Flavor() == Memb && !invariant.Enabled {
			r.Lock() // looks at nothing; its Unlock tells
		} else {
			wantPanic(t, "after Unregister", r.Lock)
		}
		wantPanic(t, "after Unregister", r.Unlock)
	})
}

func TestInsideSection(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		if d.Flavor() == QSBR {
			needInvariants(t)
		}
		r := d.Register("inside")
		r.Lock()
		for _, use := range []func(){r.Offline, r.Synchronize, r.Unregister} {
			wantPanic(t, "inside a section", use)
		}
		r.Unlock()
		r.Unregister()
	})
}

// An Unlock too many holds up everybody, and the next Lock tells; as it does when
// sections nest too deep. For Memb see TestMembUnlockTooMany.
func TestUnlockTooMany(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		if d.Flavor() != MB || invariant.Enabled {
			t.Skip("QSBR sections are empty, Memb's Lock looks at nothing; invariant builds panic in Unlock")
		}
		r := d.Register("unlocks")
		defer r.Unregister()
		for range 2 { // from offline, and after a section
			r.Unlock()
			if d.Poll(d.StartPoll()) {
				t.Error("a grace period ended with a reader whose count is wrong")
			}
			wantPanic(t, "an Unlock too many", r.Lock)
			for range nestMask {
				r.Unlock()
			}
			r.Lock()
			burn()
			r.Unlock()
		}
		for range nestMask {
			r.Lock()
		}
		wantPanic(t, "65535 sections open", r.Lock)
		for range nestMask {
			r.Unlock()
		}
	})
}

func TestUnlockWithoutLock(t *testing.T) {
	needInvariants(t)
	eachFlavor(t, func(t *testing.T, d *Domain) {
		r := d.Register("r")
		defer r.Unregister()
		wantPanic(t, "without Lock", r.Unlock)
		r.Lock()
		r.Lock()
		burn()
		r.Unlock()
		r.Unlock()
		wantPanic(t, "without Lock", r.Unlock)
	})
}

func TestOtherGoroutinesHandle(t *testing.T) {
	needInvariants(t)
	eachFlavor(t, func(t *testing.T, d *Domain) {
		r := d.Register("mine")
		defer r.Unregister()
		var wg sync.WaitGroup
		wg.Go(func() { wantPanic(t, "belongs to goroutine", r.Lock) })
		wg.Wait()
	})
}

func TestWaitForOneself(t *testing.T) {
	needInvariants(t)
	eachFlavor(t, func(t *testing.T, d *Domain) {
		r := d.Register("self")
		defer r.Unregister()
		r.Lock()
		for _, wait := range []func(){d.Synchronize, d.SynchronizeExpedited, d.Barrier} {
			wantPanic(t, "own reader", wait)
		}
		r.Unlock()
		if d.Flavor() == QSBR {
			wantPanic(t, "own reader", d.Synchronize) // online is as good as inside
			r.Synchronize()
		}
	})
}

func TestWaitInCallback(t *testing.T) {
	needInvariants(t)
	d := newDomain(t, Options{})
	d.Defer(func() { wantPanic(t, "inside a callback", d.Synchronize) })
	d.Defer(func() { wantPanic(t, "inside a callback", d.Barrier) })
	d.Barrier()
}

func TestQSBROffline(t *testing.T) {
	d := newDomain(t, Options{Flavor: QSBR})
	r := d.RegisterQSBR("r")
	defer r.Unregister()
	r.Offline()
	r.Offline()
	d.Synchronize() // does not wait for r
	wantPanic(t, "offline", r.QuiescentState)
	if invariant.Enabled {
		wantPanic(t, "offline", r.Lock)
	}
	r.Online()
	r.Online()
	r.QuiescentState()
}

func TestSectionMisuse(t *testing.T) {
	d := newDomain(t, Options{})
	s := d.Enter()
	s.Exit()
	wantPanic(t, "twice", s.Exit)
	if invariant.Enabled {
		wantPanic(t, "no Enter", Section{}.Exit)
	}
}

func TestCallMisuse(t *testing.T) {
	d := newDomain(t, Options{})
	ps, _ := parcels(1)
	wantPanic(t, "no NewCallback returned", func() { d.Call(&ps[0].head, 0) })
	if err := func() (err error) { defer func() { recover() }(); return d.TryCall(&ps[0].head, 1<<20) }(); err != nil {
		t.Error(err)
	}
	wantPanic(t, "nil function", func() { d.Defer(nil) })
	wantPanic(t, "function is nil", func() { NewCallback("nil", nil) })
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{HighMark: -1}, "HighMark is -1"},
		{Options{StallTimeout: -time.Second}, "StallTimeout"},
		{Options{HighMark: 10, OverMark: 5}, "want HighMark (10) or more"},
		{Options{Flavor: 9}, "want qsbr, memb or mb"},
	} {
		if d, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%+v): %v, %v; want an error with %q", c.o, d, err, c.want)
		}
	}
}

func TestFlavorText(t *testing.T) {
	for _, f := range []Flavor{0, QSBR, Memb, MB} {
		text, err := f.MarshalText()
		var back Flavor
		if err2 := back.UnmarshalText(text); err != nil || err2 != nil || back != f {
			t.Errorf("%v: %q, %v, %v, back %v", f, text, err, err2, back)
		}
	}
	var f Flavor
	if err := f.UnmarshalText([]byte("rcu")); err == nil || !strings.Contains(err.Error(), "qsbr, memb or mb") {
		t.Errorf("unknown name: %v", err)
	}
	if s := Flavor(77).String(); s != "Flavor(77)" {
		t.Error(s)
	}
}

// A handle that is dropped is reported, and its record stays.
func TestLeakedReader(t *testing.T) {
	reports := make(chan Stall, 4)
	d, err := New(Options{Flavor: MB, Name: t.Name(), StallHook: func(s Stall) { reports <- s }})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool)
	go func() {
		d.Register("dropped")
		r := d.Register("dropped inside")
		r.Lock()
		close(done)
	}()
	<-done
	got := map[string]Stall{}
	for end := time.Now().Add(10 * time.Second); len(got) < 2 && time.Now().Before(end); {
		runtime.GC()
		select {
		case s := <-reports:
			got[s.Reader] = s
		case <-time.After(10 * time.Millisecond):
		}
	}
	if s := got["dropped"]; !s.Leaked || s.Inside {
		t.Errorf("report of the first: %+v", s)
	}
	s := got["dropped inside"]
	if !s.Leaked || !s.Inside || !strings.Contains(s.String(), "inside a section") {
		t.Errorf("report of the second: %v", s)
	}
	if n := d.Stats().Leaked; n != 2 {
		t.Errorf("Stats.Leaked is %d, want 2", n)
	}
	if err := d.Close(); err == nil || !strings.Contains(err.Error(), "leaked inside a section") {
		t.Errorf("Close: %v", err)
	}
	d.unsubscribe()
}
