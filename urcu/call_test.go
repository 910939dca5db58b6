package urcu

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A parcel is a Head that counts its deliveries. Parcels stay reachable through
// the slice that holds them.
type parcel struct {
	head Head
	ran  *atomic.Int64
	then func(*parcel)
}

func parcels(n int) ([]parcel, *atomic.Int64) {
	ps, ran := make([]parcel, n), new(atomic.Int64)
	for i := range ps {
		ps[i].ran = ran
	}
	return ps, ran
}

func TestCallRunsAfterSection(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		ps, ran := parcels(1000)
		inSection(d, func(leave func()) {
			for i := range ps {
				d.Call(&ps[i].head, deliver)
			}
			time.Sleep(5 * time.Millisecond)
			if n := ran.Load(); n != 0 {
				t.Errorf("%d callbacks ran while a section was open", n)
			}
			leave()
		})
		d.Barrier()
		if n := ran.Load(); n != 1000 {
			t.Errorf("%d callbacks ran after Barrier, want 1000", n)
		}
	})
}

// Nobody drives, nobody waits: the backstop does it.
func TestBackstopRunsLeftovers(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		ps, ran := parcels(3)
		for i := range ps {
			d.Call(&ps[i].head, deliver)
		}
		for end := time.Now().Add(5 * time.Second); ran.Load() != 3; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d callbacks ran, want 3", ran.Load())
			}
		}
	})
}

func TestBarrierCoversAllGoroutines(t *testing.T) {
	d := newDomain(t, Options{})
	for round := range 50 {
		ps, ran := parcels(64)
		var wg sync.WaitGroup
		for i := range ps {
			wg.Go(func() { d.Call(&ps[i].head, deliver) })
		}
		wg.Wait()
		d.Barrier()
		if n := ran.Load(); n != 64 {
			t.Fatalf("round %d: %d callbacks ran after Barrier, want 64", round, n)
		}
	}
}

func TestCallbacksThatCall(t *testing.T) {
	d := newDomain(t, Options{})
	ps, ran := parcels(500)
	for i := range ps {
		left := 20
		ps[i].then = func(p *parcel) {
			if left--; left > 0 {
				d.Call(&p.head, deliver)
			}
		}
		d.Call(&ps[i].head, deliver)
	}
	for range 25 {
		d.Barrier()
	}
	if n := ran.Load(); n != 500*20 {
		t.Errorf("%d callbacks ran, want %d", n, 500*20)
	}
}

func TestDefer(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		var ran atomic.Int64
		inSection(d, func(leave func()) {
			for range 100 {
				d.Defer(func() { ran.Add(1) })
			}
			if ran.Load() != 0 {
				t.Error("a closure ran while a section was open")
			}
			leave()
		})
		d.Barrier()
		if ran.Load() != 100 {
			t.Errorf("%d closures ran, want 100", ran.Load())
		}
	})
}

func TestDoubleCallPanics(t *testing.T) {
	d := newDomain(t, Options{})
	ps, _ := parcels(1)
	d.Call(&ps[0].head, deliver)
	s := d.Enter() // keeps the first one queued
	defer s.Exit()
	ps2, _ := parcels(1)
	d.Call(&ps2[0].head, deliver)
	wantPanic(t, "waits for", func() { d.Call(&ps2[0].head, deliver) })
}

func TestTryCall(t *testing.T) {
	d := newDomain(t, Options{MaxCallbacks: 10})
	s := d.Enter()
	ps, ran := parcels(11)
	for i := range 10 {
		if err := d.TryCall(&ps[i].head, deliver); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.TryCall(&ps[10].head, deliver); !errors.Is(err, ErrTooManyCallbacks) {
		t.Errorf("TryCall over the bound: %v, want ErrTooManyCallbacks", err)
	}
	s.Exit()
	d.Barrier()
	if err := d.TryCall(&ps[10].head, deliver); err != nil {
		t.Error(err)
	}
	d.Barrier()
	if ran.Load() != 11 {
		t.Errorf("%d ran, want 11", ran.Load())
	}
}
