package urcu

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A flood of callbacks, each posted again when it has run, beside a reader that
// is busy all the time. Pass: at least 100 of them went through three grace
// periods or more, and the flood dries up.
func TestTortureFlood(t *testing.T) {
	for _, f := range flavors() {
		t.Run(f.String(), func(t *testing.T) {
			d := newDomain(t, Options{Flavor: f, HighMark: 2000})
			var stop atomic.Bool
			var wg sync.WaitGroup
			wg.Go(func() {
				r := d.Register("busy")
				defer r.Unregister()
				for !stop.Load() {
					for range 100 {
						r.Lock()
						burn()
						r.Unlock()
					}
					r.QuiescentState()
				}
			})
			ps, ran := parcels(10_000)
			laundered := make([]atomic.Int32, len(ps))
			var often atomic.Int32
			for i := range ps {
				ps[i].then = func(p *parcel) {
					if laundered[i].Add(1) == 3 {
						often.Add(1)
					}
					if !stop.Load() {
						d.Call(&p.head, deliver)
					}
				}
			}
			for i := range ps {
				d.Call(&ps[i].head, deliver)
			}
			for begin := time.Now(); time.Since(begin) < tortureTime() || often.Load() < 100 && time.Since(begin) < 10*time.Second; {
				d.Drive()
				runtime.Gosched()
			}
			stop.Store(true)
			wg.Wait()
			begin := time.Now()
			for range 2 {
				d.Barrier()
			}
			s := d.Stats()
			fmt.Fprintf(os.Stdout, "--- %s: %d callbacks ran, %d of %d at least three times, peak of a queue %d, %d spilled, %d grace periods, dry after %v\n",
				t.Name(), ran.Load(), often.Load(), len(ps), s.Peak, s.Spilled, s.GracePeriods, time.Since(begin))
			if n := often.Load(); n < 100 {
				t.Errorf("%d callbacks went through three grace periods, want 100", n)
			}
			if s.Pending != 0 {
				t.Errorf("%d callbacks are pending after the flood", s.Pending)
			}
			runtime.KeepAlive(ps)
		})
	}
}

// With all tokens taken, callbacks go to the list that needs none.
func TestSpill(t *testing.T) {
	d := newDomain(t, Options{})
	for i := range d.queues {
		d.own(&d.queues[i])
	}
	ps, ran := parcels(100)
	for i := range ps {
		d.Call(&ps[i].head, deliver)
	}
	if n := d.Stats().Spilled; n != 100 {
		t.Errorf("%d spilled, want 100", n)
	}
	for i := range d.queues {
		d.queues[i].release()
	}
	d.Barrier()
	if ran.Load() != 100 {
		t.Errorf("%d ran after Barrier, want 100", ran.Load())
	}
}

// Spilled callbacks keep their order.
func TestSpillOrder(t *testing.T) {
	d := newDomain(t, Options{})
	for i := range d.queues {
		d.own(&d.queues[i])
	}
	var order []int
	ps, _ := parcels(20)
	for i := range ps {
		ps[i].then = func(*parcel) { order = append(order, i) }
		d.Call(&ps[i].head, deliver)
	}
	for i := range d.queues {
		d.queues[i].release()
	}
	d.Barrier()
	for i, n := range order {
		if i != n {
			t.Fatalf("order is %v", order)
		}
	}
	if len(order) != len(ps) {
		t.Errorf("%d ran, want %d", len(order), len(ps))
	}
}

// A callback that panics takes nobody with it: the caller sees the panic, and
// the queue goes on.
func TestCallbackPanics(t *testing.T) {
	d := newDomain(t, Options{})
	for i := range d.queues {
		d.queues[i].armed = true // keeps the backstop out of it
	}
	ps, ran := parcels(10)
	s := d.Enter() // none runs before all are queued
	for i := range ps {
		ps[i].then = func(*parcel) {
			if i == 3 {
				panic("the third")
			}
		}
		d.Call(&ps[i].head, deliver)
	}
	s.Exit()
	wantPanic(t, "the third", func() {
		for i := 0; ran.Load() < 10; i++ { // Drive may look at another queue from this frame
			if q := &d.queues[i%len(d.queues)]; q.len() > 0 && q.try() {
				d.tend(q, false)
				q.release()
			}
		}
	})
	d.Barrier()
	if ran.Load() != 10 {
		t.Errorf("%d ran, want 10", ran.Load())
	}
}

// Callbacks that Call from deep frames do not nest slice in slice.
func TestCallbacksFromDeepFrames(t *testing.T) {
	d := newDomain(t, Options{})
	var depth, deepest int
	var mu sync.Mutex
	ps, ran := parcels(4000)
	var deep func(n int, f func())
	deep = func(n int, f func()) {
		var pad [512]byte
		if n == 0 {
			f()
		} else {
			deep(n-1, f)
		}
		runtime.KeepAlive(&pad)
	}
	for i := range ps {
		again := true
		ps[i].then = func(p *parcel) {
			mu.Lock()
			depth++
			deepest = max(deepest, depth)
			mu.Unlock()
			if again {
				again = false
				deep(i%16, func() { d.Call(&p.head, deliver) })
			}
			mu.Lock()
			depth--
			mu.Unlock()
		}
	}
	for i := range ps {
		d.Call(&ps[i].head, deliver)
	}
	for range 3 {
		d.Barrier()
	}
	if ran.Load() != 8000 {
		t.Errorf("%d ran, want 8000", ran.Load())
	}
	// Two may run at once, here and on the backstop.
	if deepest > 4 {
		t.Errorf("slices nested %d deep", deepest)
	}
}

// More readers than a chunk holds, seen and forgotten again.
func TestManyReaders(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		const n = 300
		all := make([]Reader, n)
		for i := range all {
			all[i] = d.Register("")
		}
		if got := d.Stats().Readers; got != n {
			t.Errorf("Stats.Readers is %d, want %d", got, n)
		}
		for _, r := range all {
			if d.Flavor() == QSBR {
				r.Offline()
			}
		}
		for _, i := range []int{0, 63, 64, 130, n - 1} {
			r := all[i]
			r.Online()
			r.Lock()
			c := d.StartPoll()
			if time.Sleep(time.Millisecond); d.Poll(c) {
				t.Errorf("reader %d was not waited for", i)
			}
			r.Unlock()
			r.Offline()
			for !d.Poll(c) {
				runtime.Gosched()
			}
		}
		for _, r := range all {
			r.Unregister()
		}
		if got := d.Stats().Readers; got != 0 {
			t.Errorf("Stats.Readers is %d, want 0", got)
		}
		if chunks := len(*d.registry.chunks.Load()); chunks != (n+63)/64 {
			t.Errorf("%d chunks for %d readers", chunks, n)
		}
		for range n { // records are used again
			d.Register("").Unregister()
		}
		if chunks := len(*d.registry.chunks.Load()); chunks != (n+63)/64 {
			t.Errorf("%d chunks after coming and going", chunks)
		}
	})
}

// A rush of sections grows pages, and leaders forget them afterwards.
func TestSectionsForgotten(t *testing.T) {
	d := newDomain(t, Options{})
	rush := make([]Section, 3000)
	for i := range rush {
		rush[i] = d.Enter()
	}
	words := len(*d.overflow.Load()) * slotCount * wordsPerLine
	if words > 5*len(rush) {
		t.Errorf("%d words for %d sections", words, len(rush))
	}
	for _, s := range rush {
		s.Exit()
	}
	for range 2 * tidyEvery {
		d.Synchronize()
	}
	for i, p := range append(*d.overflow.Load(), d.sections) {
		if m := p.used.Load(); m != 0 {
			t.Errorf("page %d: leaders still look at lines %b", i, m)
		}
	}
	d.Enter().Exit()
}
