// The writers of the torture suite and their ways to wait.

package urcu

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
)

// ways are all there are to wait for a grace period; false: the context ended.
var ways = [...]struct {
	name string
	wait func(d *Domain, r *rand.Rand) bool
}{
	{"synchronize", func(d *Domain, r *rand.Rand) bool { d.Synchronize(); return true }},
	{"expedited", func(d *Domain, r *rand.Rand) bool { d.SynchronizeExpedited(); return true }},
	{"context", func(d *Domain, r *rand.Rand) bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(500))*time.Microsecond)
		defer cancel()
		return d.SynchronizeContext(ctx) == nil
	}},
	{"poll", func(d *Domain, r *rand.Rand) bool {
		c := d.StartPoll()
		for !d.Poll(c) {
			nap(r)
		}
		return true
	}},
	{"sleep and poll", func(d *Domain, r *rand.Rand) bool {
		c := d.StartPoll()
		for time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond); !d.Poll(c); {
			time.Sleep(50 * time.Microsecond)
		}
		return true
	}},
	{"cookie", func(d *Domain, r *rand.Rand) bool { return d.WaitCookie(context.Background(), d.StartPoll()) == nil }},
	{"defer", func(d *Domain, r *rand.Rand) bool {
		done := make(chan bool)
		d.Defer(func() { close(done) })
		d.Barrier()
		<-done
		return true
	}},
	{"call", nil}, // the block ages by itself
}

// nap passes a random short time in one of several ways.
func nap(r *rand.Rand) {
	switch n := r.IntN(1000); {
	case n < 800:
	case n < 980:
		for range r.IntN(300) {
			burn()
		}
	case n < 998:
		runtime.Gosched()
	default:
		time.Sleep(time.Duration(r.IntN(200)) * time.Microsecond)
	}
}

// write publishes blocks and waits for those it replaced, by the ways of the
// half-open range.
func (x *torture) write(r *rand.Rand, from, to int) {
	var removed []*block
	for first := true; first || !x.stop.Load() || len(removed) > 0; first = false {
		for i := range x.noise {
			atomic.StoreUint64(&x.noise[i].word, r.Uint64())
		}
		if first || !x.stop.Load() {
			if old := x.publish(r.IntN(len(x.roots))); old != nil {
				if i := r.IntN(to-from) + from; ways[i].wait == nil {
					x.ways[i].Add(1)
					x.d.Call(&old.head, ageBlock)
					continue
				}
				removed = append(removed, old)
			}
		}
		i := from + r.IntN(to-from)
		if ways[i].wait == nil {
			x.d.Drive()
			continue
		}
		// A cookie taken before a whole grace period is done after it.
		var before Cookie
		if r.IntN(64) == 0 {
			before = x.d.StartPoll()
		}
		if !ways[i].wait(x.d, r) {
			continue
		}
		x.ways[i].Add(1)
		if before != 0 {
			x.check(&x.cookies, x.d.Poll(before))
		}
		kept := removed[:0]
		for _, b := range removed {
			if !x.older(b) {
				kept = append(kept, b)
			}
		}
		removed = kept
	}
}

// fakeWrite waits without having anything to wait for.
func (x *torture) fakeWrite(r *rand.Rand) {
	for !x.stop.Load() {
		switch r.IntN(4) {
		case 0:
			x.d.Barrier()
		case 1:
			x.d.SynchronizeExpedited()
		default:
			x.d.Synchronize()
		}
		time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
	}
}
