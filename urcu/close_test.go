package urcu

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

func TestCloseRunsCallbacks(t *testing.T) {
	for _, f := range flavors() {
		d, err := New(Options{Flavor: f})
		if err != nil {
			t.Fatal(err)
		}
		ps, ran := parcels(5000)
		for i := range ps {
			again := i%3 == 0
			ps[i].then = func(p *parcel) {
				if again {
					again = false
					d.Call(&p.head, deliver)
				}
			}
		}
		var wg sync.WaitGroup
		for g := range 5 {
			wg.Go(func() {
				for i := range 1000 {
					d.Call(&ps[g*1000+i].head, deliver)
				}
			})
		}
		wg.Wait()
		for range 2 { // callbacks may call only until the domain is closed
			d.Barrier()
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if n := ran.Load(); n != 5000+1667 {
			t.Errorf("%v: %d callbacks ran, want %d", f, n, 5000+1667)
		}
		if err := d.Close(); !errors.Is(err, ErrClosed) {
			t.Errorf("second Close: %v, want ErrClosed", err)
		}
		wantPanic(t, "after Close", func() { d.Call(&ps[0].head, deliver) })
		wantPanic(t, "after Close", func() { d.Defer(func() {}) })
		wantPanic(t, "after Close", func() { d.Register("late") })
		if err := d.TryCall(&ps[0].head, deliver); !errors.Is(err, ErrClosed) {
			t.Errorf("TryCall after Close: %v, want ErrClosed", err)
		}
		d.Synchronize() // harmless
	}
}

func TestCloseRefusesReaders(t *testing.T) {
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := d.Register("still here")
	var busy *BusyError
	if err := d.Close(); !errors.As(err, &busy) || len(busy.Readers) != 1 || busy.Readers[0] != "still here" {
		t.Errorf("Close: %v, want a BusyError naming the reader", err)
	}
	d.Synchronize() // the domain is as usable as before
	r.Unregister()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseWaitsForSections(t *testing.T) {
	d, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := d.Enter()
	ps, ran := parcels(1)
	d.Call(&ps[0].head, deliver)
	time.AfterFunc(5*time.Millisecond, s.Exit)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if ran.Load() != 1 {
		t.Error("Close returned before the callback ran")
	}
}

func TestDefault(t *testing.T) {
	d := Default()
	if d != Default() || d.Name() != "default" {
		t.Errorf("Default is %p %q", d, d.Name())
	}
	want := MB
	if HasHeavyFence() {
		want = Memb
	}
	if d.Flavor() != want {
		t.Errorf("Default is %v, want %v", d.Flavor(), want)
	}
	if HeavyFence() != HasHeavyFence() {
		t.Error("HeavyFence does not do what HasHeavyFence says")
	}
	wantPanic(t, "default domain", func() { d.Close() })
}

// Callbacks of a CPU that goes away are run by somebody.
func TestCallbacksOfAnOfflineCPU(t *testing.T) {
	d := newDomain(t, Options{})
	ps, ran := parcels(300)
	smp.Run(2, func(c *smp.CPU) {
		for i := c.ID(); i < len(ps); i += 2 {
			d.Call(&ps[i].head, deliver)
		}
	})
	for end := time.Now().Add(5 * time.Second); ran.Load() != 300; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("%d callbacks ran, want 300", ran.Load())
		}
	}
}

// Calls race with Close: each either is refused or runs.
func TestCallDuringClose(t *testing.T) {
	for range 30 {
		d, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		ps, ran := parcels(400)
		var queued atomic.Int64
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 100 {
					if d.TryCall(&ps[g*100+i].head, deliver) == nil {
						queued.Add(1)
					}
				}
			})
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if ran.Load() != queued.Load() {
			t.Errorf("%d callbacks were queued, %d ran", queued.Load(), ran.Load())
		}
	}
}

// TestRegisterAgainstClose: registration looks at closed under the lock of the registry.
func TestRegisterAgainstClose(t *testing.T) {
	d, err := New(Options{Flavor: MB})
	if err != nil {
		t.Fatal(err)
	}
	d.registry.mu.Lock()
	refused := make(chan bool)
	go func() {
		defer func() { refused <- recover() != nil }()
		d.RegisterMB("late")
	}()
	time.Sleep(10 * time.Millisecond)
	d.closed.Store(1) // as shut does, under mu
	d.registry.mu.Unlock()
	if !<-refused {
		t.Error("registered in a closed domain")
	}
}

// TestPollAgainstClose: whoever wants the goroutine of a domain while it closes.
func TestPollAgainstClose(t *testing.T) {
	for end := time.Now().Add(time.Second / 2); time.Now().Before(end); {
		d, err := New(Options{MaxCallbacks: 1})
		if err != nil {
			t.Fatal(err)
		}
		var stop atomic.Bool
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for !stop.Load() {
					d.StartPoll()
				}
			})
		}
		time.Sleep(50 * time.Microsecond)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		stop.Store(true)
		wg.Wait()
	}
}

var nothing = NewCallback("urcu.nothing", func(*Head) {})

// TestBoundAfterBarriers: barriers have callbacks of their own, which are not counted
// against the bound, nor off it.
func TestBoundAfterBarriers(t *testing.T) {
	d, err := New(Options{MaxCallbacks: 10})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := d.TryCall(new(Head), nothing); err != nil {
			t.Fatal(err)
		}
		d.Barrier()
	}
	if n := d.pending.Load(); n != 0 {
		t.Errorf("%d are pending, and nothing is queued", n)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// TestPendingInTransit: a callback on its way from the spill to a queue is seen.
func TestPendingInTransit(t *testing.T) {
	for range 2000 {
		d, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := d.Enter()
		h := new(Head)
		d.spillOver(h, nothing)
		go d.drainSpill()
		for range 2000 {
			if d.pendingCallbacks() == 0 {
				t.Fatal("none is pending, and one waits")
			}
			if d.spill.Load() == nil {
				break
			}
		}
		s.Exit()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(h)
	}
}
