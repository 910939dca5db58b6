package urcu

import (
	"errors"
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
