package urcu

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

func TestSynchronizeWithoutReaders(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		for range 200 { // past the wrap in invariant builds
			d.Synchronize()
			d.SynchronizeExpedited()
		}
	})
}

// inSection runs body while a goroutine is inside a section, which ends when
// leave is called.
func inSection(d *Domain, body func(leave func())) {
	var wg sync.WaitGroup
	in, out := make(chan bool), make(chan bool)
	wg.Go(func() {
		r := d.Register("inside")
		defer r.Unregister()
		r.Lock()
		close(in)
		<-out
		r.Unlock()
	})
	<-in
	body(sync.OnceFunc(func() { close(out) }))
	wg.Wait()
}

func TestSynchronizeWaits(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		inSection(d, func(leave func()) {
			done := make(chan bool)
			go func() { d.Synchronize(); close(done) }()
			select {
			case <-done:
				t.Error("Synchronize returned while a section was open")
			case <-time.After(20 * time.Millisecond):
			}
			leave()
			<-done
		})
	})
}

func TestSynchronizeWaitsForAnyGoroutine(t *testing.T) {
	d := newDomain(t, Options{})
	var all []Section
	for range 1000 { // far more than a page of words
		all = append(all, d.Enter())
	}
	done := make(chan bool)
	go func() { d.Synchronize(); close(done) }()
	for i, s := range all {
		if i == len(all)-1 {
			time.Sleep(5 * time.Millisecond)
		}
		select {
		case <-done:
			t.Fatal("Synchronize returned while sections were open")
		default:
		}
		s.Exit()
	}
	<-done
}

func TestSynchronizeContext(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		inSection(d, func(leave func()) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
			defer cancel()
			if err := d.SynchronizeContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("SynchronizeContext: %v, want DeadlineExceeded", err)
			}
			leave()
			if err := d.SynchronizeContext(context.Background()); err != nil {
				t.Error(err)
			}
		})
	})
}

// A cancelled leader must not leave followers asleep.
func TestCancelledLeaderHandsOver(t *testing.T) {
	d := newDomain(t, Options{})
	inSection(d, func(leave func()) {
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		wg.Go(func() { d.SynchronizeContext(ctx) })
		time.Sleep(2 * time.Millisecond)
		for range 4 {
			wg.Go(d.Synchronize)
		}
		time.Sleep(5 * time.Millisecond)
		cancel()
		time.Sleep(2 * time.Millisecond)
		leave()
		wg.Wait()
	})
}

func TestCookies(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		if !d.Poll(0) {
			t.Error("the zero Cookie is not done")
		}
		inSection(d, func(leave func()) {
			c := d.StartPoll()
			for range 100 {
				if d.Poll(c) {
					t.Fatal("cookie is done while a section older than it is open")
				}
			}
			leave()
			if err := d.WaitCookie(context.Background(), c); err != nil {
				t.Error(err)
			}
			if !d.Poll(c) {
				t.Error("cookie is not done after WaitCookie")
			}
		})
		c := d.StartPoll()
		for !d.Poll(c) {
			time.Sleep(10 * time.Microsecond)
		}
	})
}

// A section inside another one, entered after the epoch has moved, changes nothing
// for grace periods that wait for the outermost.
func TestNestedSections(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		r := d.Register("nests")
		defer r.Unregister()
		r.Lock()
		c := d.StartPoll()
		pending := func(where string) {
			for range 100 {
				if d.Poll(c) {
					t.Fatalf("%s: a grace period ended inside the outermost section", where)
				}
			}
		}
		pending("before")
		r.Lock()
		pending("in a nested section")
		r.Unlock()
		pending("after it")
		r.Unlock()
		r.Offline()
		if err := d.WaitCookie(t.Context(), c); err != nil {
			t.Error(err)
		}
	})
}
