package urcu

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

// stalling returns a domain of registered readers whose hook is called early.
func stalling(t *testing.T, f Flavor, hook func(Stall)) *Domain {
	t.Helper()
	return newDomain(t, Options{Flavor: f, StallTimeout: time.Millisecond, StallHook: hook})
}

// TestHookPanics: the panic of a hook reaches who waits, who is nobody's sentinel then:
// others hear the bell.
func TestHookPanics(t *testing.T) {
	var calls atomic.Int32
	d := stalling(t, MB, func(Stall) {
		if calls.Add(1) == 1 {
			panic("hook")
		}
	})
	s := d.Enter()
	func() {
		defer func() {
			if recover() != "hook" {
				t.Error("no panic")
			}
		}()
		d.Synchronize()
	}()
	time.AfterFunc(20*time.Millisecond, s.Exit)
	mutant.Ends(t, d.Synchronize)
}

// TestHookPanicsOnline: an online reader that waits is online afterwards.
func TestHookPanicsOnline(t *testing.T) {
	d := stalling(t, QSBR, func(Stall) { panic("hook") })
	r := d.RegisterQSBR("waits")
	s := d.Enter()
	func() {
		defer func() { _ = recover() }()
		r.Synchronize()
	}()
	if r.seen == 0 {
		t.Error("offline")
	}
	s.Exit()
	r.Unregister()
}

// TestHookLocks: a hook may want a lock that somebody has who waits.
func TestHookLocks(t *testing.T) {
	var mu sync.Mutex
	inHook := make(chan struct{})
	var once sync.Once
	d := stalling(t, MB, func(Stall) {
		once.Do(func() {
			close(inHook)
			mu.Lock()
			defer mu.Unlock()
		})
	})
	s := d.Enter()
	mu.Lock()
	var wg sync.WaitGroup
	wg.Go(d.Synchronize)
	<-inHook
	time.AfterFunc(20*time.Millisecond, s.Exit)
	mutant.Ends(t, d.Synchronize) // without a stall of its own: there is one for each grace period
	mu.Unlock()
	wg.Wait()
}

// TestGoexitOnBackstop: a callback that ends the goroutine that runs it ends that of the
// domain, and another one comes.
func TestGoexitOnBackstop(t *testing.T) {
	d := newDomain(t, Options{})
	s := d.Enter()
	d.Defer(runtime.Goexit)
	s.Exit()
	time.Sleep(50 * time.Millisecond)
	ran := make(chan struct{})
	s = d.Enter()
	d.Defer(func() { close(ran) })
	s.Exit()
	mutant.Ends(t, func() { <-ran })
}

// TestStallsHaveReaders: with registered readers alone, a stall names one.
func TestStallsHaveReaders(t *testing.T) {
	const timeout = 300 * time.Microsecond
	var named, nobody atomic.Int32
	d := newDomain(t, Options{Flavor: MB, StallTimeout: timeout, StallHook: func(s Stall) {
		if s.Reader == "" {
			nobody.Add(1)
		} else {
			named.Add(1)
		}
	}})
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			r := d.RegisterMB("")
			defer r.Unregister()
			for !stop.Load() {
				r.Lock()
				for start := now(); now()-start < timeout*3/2; {
					runtime.Gosched()
				}
				r.Unlock()
				runtime.Gosched()
			}
		})
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		d.Synchronize()
	}
	stop.Store(true)
	wg.Wait()
	if nobody.Load() > 0 {
		t.Errorf("%d stalls of nobody, %d of a reader", nobody.Load(), named.Load())
	}
	t.Logf("%d stalls of a reader", named.Load())
}

// TestStallsAndReaders: stalls are reported while readers come and go. The race detector
// looks on.
func TestStallsAndReaders(t *testing.T) {
	d := newDomain(t, Options{Flavor: QSBR, StallTimeout: 1, StallHook: func(Stall) {}})
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				r := d.RegisterQSBR("")
				for range 40 {
					runtime.Gosched()
				}
				r.Unregister()
			}
		})
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		d.Synchronize()
	}
	stop.Store(true)
	wg.Wait()
}

// TestSentinelGivesUp: the next sentinel has its timer, whatever the last one does on its
// way out.
func TestSentinelGivesUp(t *testing.T) {
	deaf, rounds := 0, 0
	for end := time.Now().Add(time.Second); time.Now().Before(end); rounds++ {
		d, err := New(Options{Flavor: MB})
		if err != nil {
			t.Fatal(err)
		}
		s := d.Enter()
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		wg.Go(func() { _ = d.SynchronizeContext(ctx) })
		for d.sentinel.Load() == 0 {
			time.Sleep(50 * time.Microsecond)
		}
		wg.Go(d.Synchronize)
		time.Sleep(time.Duration(rounds%60) * 2 * time.Microsecond)
		cancel()
		time.Sleep(5 * time.Millisecond)
		if d.sentinel.Load() == 1 && !d.bell.timer.Stop() {
			deaf++
		}
		s.Exit()
		wg.Wait()
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if deaf > 0 {
		t.Errorf("%d of %d sentinels had no timer", deaf, rounds)
	}
}
