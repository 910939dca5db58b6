package smp

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// diary writes down what it hears, together with others.
type diary struct {
	name string
	log  *log
	on   func(*CPU)
	off  func(*CPU)
}

type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *log) want(t *testing.T, lines ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.lines, lines) {
		t.Errorf("heard %q\n want %q", l.lines, lines)
	}
	l.lines = nil
}

func (d *diary) CPUOnline(c *CPU) {
	d.log.add("%s+%d", d.name, c.ID())
	if d.on != nil {
		d.on(c)
	}
}

func (d *diary) CPUOffline(c *CPU) {
	d.log.add("%s-%d", d.name, c.ID())
	if d.off != nil {
		d.off(c)
	}
}

// subscribe is Subscribe until the test ends.
func subscribe(t *testing.T, d *diary) (cancel func()) {
	cancel = Subscribe(d)
	t.Cleanup(cancel)
	return cancel
}

func TestSubscribersInOrder(t *testing.T) {
	var l log
	for _, name := range []string{"a", "b", "c"} {
		subscribe(t, &diary{name: name, log: &l})
	}
	Run(1, func(c *CPU) { l.add("body") })
	l.want(t, "a+0", "b+0", "c+0", "body", "c-0", "b-0", "a-0")
}

func TestSubscriberOfLiveCPUsHearsTheirEnd(t *testing.T) {
	var l log
	Run(1, func(c *CPU) { subscribe(t, &diary{name: "a", log: &l}) })
	l.want(t, "a-0")
}

// TestOfflineIsHeardWhateverHappens: by everyone, in order, after every kind of
// bad end.
func TestOfflineIsHeardWhateverHappens(t *testing.T) {
	var l log
	subscribe(t, &diary{name: "a", log: &l})
	b := &diary{name: "b", log: &l}
	subscribe(t, b)
	subscribe(t, &diary{name: "c", log: &l})
	die := func(*CPU) { panic("boom") }
	leave := func(*CPU) { runtime.Goexit() }
	silent := func(*CPU) {}
	for _, c := range []struct {
		name          string
		on, body, off func(*CPU)
		heard         string
	}{
		{"body panics", silent, die, silent, "a+0 b+0 c+0 c-0 b-0 a-0"},
		{"body exits", silent, leave, silent, "a+0 b+0 c+0 c-0 b-0 a-0"},
		{"online panics", die, silent, silent, "a+0 b+0 c-0 b-0 a-0"},
		{"online exits", leave, silent, silent, "a+0 b+0 c-0 b-0 a-0"},
		{"offline panics", silent, silent, die, "a+0 b+0 c+0 c-0 b-0 a-0"},
		{"offline exits", silent, silent, leave, "a+0 b+0 c+0 c-0 b-0 a-0"},
		{"all panic", die, die, die, "a+0 b+0 c-0 b-0 a-0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.on, b.off = c.on, c.off
			e := caught(t, func() { Run(1, c.body) })
			if e.CPU != 0 || Live() != 0 {
				t.Errorf("%v; %d CPUs live", e, Live())
			}
			l.want(t, strings.Fields(c.heard)...)
		})
	}
}

func TestNotificationsRunOnTheCPU(t *testing.T) {
	var l log
	var on, off int
	subscribe(t, &diary{name: "a", log: &l,
		on:  func(*CPU) { on = threadID() },
		off: func(*CPU) { off = threadID() }})
	Run(1, func(*CPU) {
		if me := threadID(); me != on {
			t.Errorf("online on thread %d, body on %d", on, me)
		}
	})
	if on != off {
		t.Errorf("online on thread %d, offline on %d", on, off)
	}
}

func TestCancelWaitsForNotifications(t *testing.T) {
	var l log
	inside, goOn := make(chan struct{}), make(chan struct{})
	cancel := subscribe(t, &diary{name: "a", log: &l, on: func(*CPU) {
		close(inside)
		<-goOn
		l.add("end of notification")
	}})
	var wg sync.WaitGroup
	wg.Go(func() { Run(1, func(*CPU) {}) })
	<-inside
	cancelled := make(chan struct{})
	wg.Go(func() { cancel(); l.add("cancelled"); close(cancelled) })
	select {
	case <-cancelled:
		t.Error("cancel returned during a notification")
	case <-time.After(20 * time.Millisecond):
	}
	close(goOn)
	wg.Wait()
	cancel() // again: nothing
	l.want(t, "a+0", "end of notification", "cancelled")
	Run(1, func(*CPU) {})
	l.want(t)
}

// TestCancelFromInside: from the own notification, from another's, and both at
// once on two CPUs, which would wait for one another.
func TestCancelFromInside(t *testing.T) {
	var l log
	var cancelA, cancelB func()
	meet := together(2)
	a := &diary{name: "a", log: &l, on: func(*CPU) { meet(); cancelA(); cancelB() }}
	b := &diary{name: "b", log: &l}
	cancelA, cancelB = subscribe(t, a), subscribe(t, b)
	Run(2, func(*CPU) {})
	slices.Sort(l.lines)
	l.want(t, "a+0", "a+1")
}

func TestSubscribeNilPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a nil Notifier was taken")
		}
	}()
	Subscribe(nil)
}

// TestSubscribersComeAndGo: subscriptions change under CPUs that come and go.
// Oracle: when cancel has returned, nobody is inside or comes any more.
func TestSubscribersComeAndGo(t *testing.T) {
	stop := time.Now().Add(200 * time.Millisecond)
	var wg sync.WaitGroup
	var rounds, cancels atomic.Int64
	for range 8 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				var inside, calls atomic.Int32
				slow := func(*CPU) {
					inside.Add(1)
					calls.Add(1)
					for range 20 {
						runtime.Gosched()
					}
					inside.Add(-1)
				}
				var l log
				cancel := Subscribe(&diary{name: "x", log: &l, on: slow, off: slow})
				for range 5 {
					runtime.Gosched()
				}
				cancel()
				n, after := inside.Load(), calls.Load()
				runtime.Gosched()
				if n != 0 || calls.Load() != after {
					t.Errorf("after cancel: %d notifications under way, %d more began", n, calls.Load()-after)
				}
				cancels.Add(1)
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				Run(3, func(*CPU) {})
				rounds.Add(1)
			}
		})
	}
	wg.Wait()
	t.Logf("%d rounds of 3 CPUs, %d cancels", rounds.Load(), cancels.Load())
}
