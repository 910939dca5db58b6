package urcu

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A stall is reported once, by name, age and stack, when its time has come.
func TestStallReport(t *testing.T) {
	for _, f := range flavors() {
		t.Run(f.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reports []Stall
				d := newDomain(t, Options{Flavor: f, StallTimeout: 3 * time.Second, StallHook: func(s Stall) { reports = append(reports, s) }})
				inSection(d, func(leave func()) {
					begin := time.Now()
					time.AfterFunc(20*time.Second, leave)
					d.Synchronize()
					if took := time.Since(begin); took < 20*time.Second || took > 22*time.Second {
						t.Errorf("Synchronize took %v, want 20s", took)
					}
				})
				if len(reports) != 1 {
					t.Fatalf("%d reports, want 1: %v", len(reports), reports)
				}
				s := reports[0]
				if s.Reader != "inside" || s.Domain != t.Name() || s.Leaked || s.Goroutine == 0 {
					t.Errorf("report %+v", s)
				}
				if s.Age < 3*time.Second || s.Age > 5*time.Second {
					t.Errorf("age %v, want 3s", s.Age)
				}
				if !strings.Contains(string(s.Stack), "inSection") {
					t.Errorf("stack is not the reader's:\n%s", s.Stack)
				}
				if !strings.Contains(s.String(), `reader "inside"`) {
					t.Error(s)
				}
				if n := d.Stats().Stalls; n != 1 {
					t.Errorf("Stats.Stalls is %d, want 1", n)
				}
			})
		})
	}
}

// A stalled section of any goroutine has no name.
func TestStallOfAnyGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports []Stall
		d := newDomain(t, Options{StallTimeout: time.Second, StallHook: func(s Stall) { reports = append(reports, s) }})
		s := d.Enter()
		time.AfterFunc(5*time.Second, s.Exit)
		d.Synchronize()
		if len(reports) != 1 || reports[0].Reader != "" || !strings.Contains(reports[0].String(), "any goroutine") {
			t.Errorf("reports %v", reports)
		}
	})
}

// Callbacks alone wait for the reader: the backstop reports.
func TestStallOfCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports atomic.Int64
		d := newDomain(t, Options{StallTimeout: time.Second, StallHook: func(Stall) { reports.Add(1) }})
		s := d.Enter()
		ps, ran := parcels(1)
		d.Call(&ps[0].head, deliver)
		time.Sleep(5 * time.Second)
		if reports.Load() != 1 || ran.Load() != 0 {
			t.Errorf("%d reports, %d callbacks; want 1, 0", reports.Load(), ran.Load())
		}
		s.Exit()
	})
}

// A late reader wakes the sleeper: nobody polls.
func TestLateReaderWakes(t *testing.T) {
	if plainStores && !HasHeavyFence() {
		t.Skip("without a heavy fence the sleep is bounded, and polls")
	}
	for _, f := range flavors() {
		t.Run(f.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDomain(t, Options{Flavor: f, StallTimeout: time.Hour})
				inSection(d, func(leave func()) {
					begin := time.Now()
					time.AfterFunc(250*time.Millisecond, leave)
					d.Synchronize()
					if took := time.Since(begin); took != 250*time.Millisecond {
						t.Errorf("Synchronize took %v, want exactly 250ms", took)
					}
				})
				if n := d.Stats().Parked; n > 3 {
					t.Errorf("%d sleeps for one late reader", n)
				}
			})
		})
	}
}

func TestLateSectionWakes(t *testing.T) {
	if plainStores && !HasHeavyFence() {
		t.Skip("without a heavy fence the sleep is bounded, and polls")
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDomain(t, Options{StallTimeout: time.Hour})
		s := d.Enter()
		begin := time.Now()
		time.AfterFunc(250*time.Millisecond, s.Exit)
		d.Synchronize()
		if took := time.Since(begin); took != 250*time.Millisecond {
			t.Errorf("Synchronize took %v, want exactly 250ms", took)
		}
	})
}

// One Call in an idle domain runs soon, and then the goroutine ends.
func TestBackstopComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomain(t, Options{})
		for range 3 {
			ps, ran := parcels(1)
			begin := time.Now()
			d.Call(&ps[0].head, deliver)
			for ran.Load() == 0 {
				time.Sleep(10 * time.Microsecond)
			}
			if took := time.Since(begin); took > time.Millisecond {
				t.Errorf("the callback ran after %v, want at most 1ms", took)
			}
			if d.back.state.Load() == absent {
				t.Error("the backstop is gone already")
			}
			time.Sleep(time.Second)
			if s := d.back.state.Load(); s != absent {
				t.Errorf("the backstop is still there: %d", s)
			}
		}
	})
}

// A cookie that nobody polls is completed all the same.
func TestCookieCompletesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomain(t, Options{})
		c := d.StartPoll()
		time.Sleep(10 * time.Millisecond)
		if !d.done(uint64(c)) {
			t.Error("the cookie is not done after 10ms")
		}
	})
}

func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomain(t, Options{})
		s := d.Enter()
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, cause)
		defer cancel()
		begin := time.Now()
		if err := d.SynchronizeContext(ctx); !errors.Is(err, cause) {
			t.Errorf("SynchronizeContext: %v, want the cause", err)
		}
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %v, want 1s", took)
		}
		if err := d.WaitCookie(ctx, d.StartPoll()); !errors.Is(err, cause) {
			t.Errorf("WaitCookie: %v, want the cause", err)
		}
		s.Exit()
	})
}

// Waiters that give up do not keep a grace period from ending.
func TestImpatientWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomain(t, Options{})
		ps, ran := parcels(1)
		d.Call(&ps[0].head, deliver)
		end := time.Now().Add(200 * time.Millisecond)
		for i := 0; time.Now().Before(end) && ran.Load() == 0; i++ {
			s := d.Enter() // there is always a section, and none is long
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			d.SynchronizeContext(ctx)
			cancel()
			s.Exit()
		}
		if ran.Load() == 0 {
			t.Error("the callback has not run in 200ms")
		}
	})
}
