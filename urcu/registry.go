// Registration: records handed out, taken back, and those that leaked. See
// doc.go, "Readers".

package urcu

import (
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
)

// A registry holds the records of a domain's readers. Leaders read chunks
// without the lock.
type registry struct {
	mu     sync.Mutex
	chunks atomic.Pointer[[]*chunk] // replaced under mu, never shrinks
	live   atomic.Int64             // registered and not leaked
	leaked atomic.Int64
	serial uint64 // guarded by mu: names for the nameless
}

// handle is the part that all reader types share, and nobody else looks at. What a
// reader needs in order to load the epoch is here and not in its record: the leader has
// just looked at that, and on a Zen 4 a line that one core writes and another reads
// moves to whoever reads it. Behind the way to the epoch a miss on the record would come
// before the miss on the epoch, and not beside it; a grace period of QSBR took 359 ns
// with it and takes 322. It is padded so that no neighbour on the heap slows it.
type handle struct {
	rec     *record // constant until Unregister, as the next three
	epoch   *uint64 // the domain's
	dom     *Domain
	cleanup runtime.Cleanup
	seen    uint64 // QSBR: what the word says; 0 offline and after Unregister
	_       [smp.LinePad - 4*8 - 16]byte
}

// register fills h. The calling goroutine becomes the reader's owner.
func (d *Domain) register(f Flavor, name string, h *handle) {
	if d.flavor != f {
		panic(fmt.Sprintf("urcu: domain %q: Register%s(%q), but the domain's flavor is %v", d.name, title(f), name, d.flavor))
	}
	id := goroutineID()
	g := &d.registry
	g.mu.Lock()
	defer g.mu.Unlock()
	if d.closed.Load() != 0 {
		panic(fmt.Sprintf("urcu: domain %q: Register%s(%q) after Close", d.name, title(f), name))
	}
	if name == "" {
		g.serial++
		name = fmt.Sprintf("reader-%d", g.serial)
	} else if r := g.find(name, id); r != nil {
		panic(fmt.Sprintf("urcu: domain %q: reader %q is registered twice by goroutine %d", d.name, name, id))
	}
	r := g.take()
	r.name, r.goid, r.dom, r.state = name, id, d, recordLive
	h.rec, h.epoch, h.dom = r, &d.epoch, d
	g.live.Add(1)
}

func title(f Flavor) string {
	return [...]string{QSBR: "QSBR", Memb: "Memb", MB: "MB"}[f]
}

// find returns the live reader of that name and goroutine. The caller holds mu.
func (g *registry) find(name string, id uint64) *record {
	for r := range g.all() {
		if r.state == recordLive && r.goid == id && r.name == name {
			return r
		}
	}
	return nil
}

// all yields the records in use. Without mu their cold fields may change.
func (g *registry) all() func(yield func(*record) bool) {
	return func(yield func(*record) bool) {
		for _, c := range *g.chunks.Load() {
			for m := c.used.Load(); m != 0; m &= m - 1 {
				if !yield(&c.rec[bits.TrailingZeros64(m)]) {
					return
				}
			}
		}
	}
}

// take returns a record for a new reader. The caller holds mu.
//
// A leader that has read the list of chunks, or a bitmap, before this cannot
// know the new reader and need not: its sections start after the leader's fence,
// by the order of mu or of the bitmap's atomics, and see what was unpublished.
func (g *registry) take() *record {
	chunks := *g.chunks.Load()
	for _, c := range chunks {
		if r := c.take(); r != nil {
			return r
		}
	}
	c := new(chunk)
	grown := append(slices.Clone(chunks), c)
	g.chunks.Store(&grown)
	return c.take()
}

// release takes the record back. The caller has made it quiescent.
func (g *registry) release(r *record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.state, r.name, r.goid = recordFree, "", 0
	r.chunk.used.And(^(uint64(1) << r.index))
	g.live.Add(-1)
}

// watch reports h's reader when the handle becomes garbage while registered.
// The cleanup holds the record, not the handle, or it would never fire. It never
// frees the record: memory that the reader saw may still be reached from where
// it was copied to, and a section that was open stays open.
func watch[T any](p *T, h *handle) {
	h.cleanup = runtime.AddCleanup(p, (*record).leak, h.rec)
}

// leak runs on the runtime's cleanup goroutine.
func (r *record) leak() {
	d := r.dom
	d.registry.mu.Lock()
	r.state = recordLeaked
	name, id := r.name, r.goid
	d.registry.mu.Unlock()
	d.registry.leaked.Add(1)
	d.registry.live.Add(-1)
	d.report(Stall{
		Domain: d.name, Reader: name, Goroutine: id, Leaked: true,
		Inside: d.flavor != QSBR && r.inside(),
	})
}

// unregister ends the handle's life: it points to the tomb afterwards.
func (h *handle) unregister() {
	h.cleanup.Stop()
	r := h.rec
	h.rec, h.seen = tomb, 0
	r.reset()
	h.dom.registry.release(r)
}

// tomb is the record of all handles that were unregistered. Its words send
// every fast path that looks at them to its slow path, which knows the tomb: it has
// a notice, and it counts so many open sections that nobody
// survives the panics of leaving them all. A Memb reader's Lock looks at nothing,
// and its Unlock finds the tomb.
var tomb = &record{word: 1<<63 | nestMask/2, notice: noticeOffline}

func (h *handle) checkAlive(op string) {
	if h.rec == tomb {
		panic(fmt.Sprintf("urcu: domain %q: %s on a reader after Unregister", h.dom.name, op))
	}
}
