// ReadSection: entering and leaving a read-side critical section.
//
// See doc.go for an overview.

package bench

import (
	"strconv"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/urcu"
)

var readSection = &Scenario{
	Name:  "ReadSection",
	Desc:  "Enter a read section, follow a shared pointer, leave: what a lock-free reader pays.",
	Unit:  "read section",
	Quick: true,
	Variants: []Variant{
		{Axes: []Axis{apis("registered"), flavors(urcu.QSBR)}, Derive: allReaders, Run: sectionQSBR},
		{Axes: []Axis{apis("registered"), flavors(urcu.Memb)}, Derive: allReaders, Run: sectionMemb, Skip: needsMembarrier},
		{Axes: []Axis{apis("registered"), flavors(urcu.MB)}, Derive: allReaders, Run: sectionMB},
		{Axes: []Axis{apis("any"), flavors(urcu.Memb)}, Derive: allReaders, Run: sectionAny, Skip: needsMembarrier},
		{Axes: []Axis{apis("any"), flavors(urcu.MB)}, Derive: allReaders, Run: sectionAny, Long: true},
		{Axes: []Axis{apis("any"), impls("mutex")}, Derive: allReaders, Run: sectionMutex},
		{Axes: []Axis{apis("any"), impls("rwmutex")}, Derive: allReaders, Run: sectionRWMutex},
		{Axes: []Axis{apis("any"), impls("refcount")}, Derive: allReaders, Run: sectionRefcount},
		{Axes: []Axis{apis("any"), impls("atomicpointer")}, Derive: allReaders, Run: sectionPointer},
	},
}

// allReaders names the number of readers: every CPU is one.
func allReaders(p *Params) []Key {
	p.Readers = p.CPUs
	return []Key{{"readers", strconv.Itoa(p.CPUs)}}
}

// record is what readers read: a Go object that one pointer leads to.
type record struct{ value uint64 }

// published returns a pointer that readers load in their sections.
func published() *atomic.Pointer[record] {
	p := new(atomic.Pointer[record])
	p.Store(&record{value: 1})
	return p
}

// quiescentEvery is how many sections a QSBR reader runs between two quiescent
// states.
const quiescentEvery = 1024

// needsMembarrier says why the memb flavour cannot run here.
func needsMembarrier(Params) string {
	if !urcu.HasHeavyFence() {
		return "the system has no membarrier(2), which the memb flavour stands on"
	}
	return ""
}

// withDomain runs body with a fresh domain of the case's flavour.
func (r *Run) withDomain(body func(*urcu.Domain) error) (err error) {
	d, err := urcu.New(urcu.Options{Name: "bench", Flavor: r.Flavor})
	if err != nil {
		return err
	}
	defer closeDomain(d, &err)
	defer r.sources.stop()
	return body(d)
}

func sectionQSBR(r *Run) error {
	return r.withDomain(func(d *urcu.Domain) error {
		shared := published()
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				reader := d.RegisterQSBR("reader")
				defer reader.Unregister()
				w.SetChunk(quiescentEvery)
				var sum uint64
				w.Role("reader")
				w.Begin()
				for w.Next() {
					for range w.Chunk {
						reader.Lock()
						sum += shared.Load().value
						reader.Unlock()
					}
					reader.QuiescentState()
				}
				w.End()
				w.keep(sum)
			})
		})
	})
}

func sectionMemb(r *Run) error {
	return r.withDomain(func(d *urcu.Domain) error {
		shared := published()
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				reader := d.RegisterMemb("reader")
				defer reader.Unregister()
				var sum uint64
				w.Role("reader")
				w.Begin()
				for w.Next() {
					for range w.Chunk {
						reader.Lock()
						sum += shared.Load().value
						reader.Unlock()
					}
				}
				w.End()
				w.keep(sum)
			})
		})
	})
}

func sectionMB(r *Run) error {
	return r.withDomain(func(d *urcu.Domain) error {
		shared := published()
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				reader := d.RegisterMB("reader")
				defer reader.Unregister()
				var sum uint64
				w.Role("reader")
				w.Begin()
				for w.Next() {
					for range w.Chunk {
						reader.Lock()
						sum += shared.Load().value
						reader.Unlock()
					}
				}
				w.End()
				w.keep(sum)
			})
		})
	})
}

// sectionAny runs in plain goroutines, which need no registration.
func sectionAny(r *Run) error {
	return r.withDomain(func(d *urcu.Domain) error {
		shared := published()
		return r.Measure(func(round *Round) {
			round.Goroutines(r.CPUs, func(w *Worker) {
				var sum uint64
				w.Role("reader")
				w.Begin()
				for w.Next() {
					for range w.Chunk {
						s := d.Enter()
						sum += shared.Load().value
						s.Exit()
					}
				}
				w.End()
				w.keep(sum)
			})
		})
	})
}
