// ProdCons: objects made on one CPU and freed on another.
//
// See doc.go for an overview.

package bench

import (
	"runtime"
	"slices"

	"github.com/slabrcu/slabrcu/kmem"
)

var prodCons = &Scenario{
	Name:  "ProdCons",
	Desc:  "One CPU allocates and hands batches of 256 over a ring, another frees them: objects travel.",
	Unit:  "alloc here and free there of one object",
	Quick: true,
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: prodConsCPU(allocEach, freeEach), Skip: pairsOnly},
		{Axes: []Axis{apis("any"), createFlags(), sizes()}, Run: prodConsAny, Skip: pairsOnly, Long: true},
		{Axes: []Axis{apis("bulk"), createFlags(), sizes()}, Run: prodConsCPU(allocParts, freeParts), Skip: pairsOnly, Long: true},
		{Axes: []Axis{apis("cpu"), noFlags(), sizes(), impls("ring")}, Run: prodConsRing, Skip: pairsOnly},
	},
}

// pairsOnly wants a consumer for every producer.
func pairsOnly(p Params) string {
	if p.CPUs%2 != 0 {
		return "needs a CPU that frees for each CPU that allocates: an even number"
	}
	return ""
}

// warmProdCons is how many batches pass before the clock starts: objects of the
// mebibytes that owners between whom they stream keep, some times.
const warmProdCons = 4096

// produce fills batches and is measured. The producers alone are: an object takes one
// alloc and one free, and they go on side by side. At most 16 batches are in the ring
// when the clock stops. What fills a batch is called once for 256 objects.
func (r *ring) produce(w *Worker, fill func(batch []word)) {
	defer r.closed.Store(true)
	w.SetChunk(ringBatch)
	w.Role("producer")
	w.BeginAfter(warmProdCons)
	for w.Next() {
		slot := r.room(w)
		if slot == nil {
			break
		}
		slot.n = w.Chunk
		fill(slot.words[:slot.n])
		r.send()
	}
	w.End()
}

// consume empties batches until the producer is through, and keeps the sum of what
// was read in them.
func (r *ring) consume(w *Worker, empty func(batch []word) uint64) {
	var sum uint64
	w.Role("consumer")
	w.Serve()
	for slot := r.next(w); slot != nil; slot = r.next(w) {
		sum += empty(slot.words[:slot.n])
		r.done()
	}
	w.keep(sum)
}

// prodConsCPU runs on emulated CPUs, with what fills a batch and what empties it.
func prodConsCPU(fill func(*kmem.Cache, *kmem.Local, []word), empty func(*kmem.Local, []word) uint64) func(*Run) error {
	return func(r *Run) error {
		return r.withCache("prodcons", func(c *kmem.Cache) error {
			return r.Measure(func(round *Round) {
				rings := make([]ring, r.CPUs/2)
				round.CPUs(r.CPUs, func(w *Worker) {
					l, ring := c.On(w.CPU), &rings[w.ID/2]
					if w.ID%2 == 0 {
						ring.produce(w, func(batch []word) { fill(c, l, batch) })
					} else {
						ring.consume(w, func(batch []word) uint64 { return empty(l, batch) })
					}
				})
			})
		})
	}
}

func allocEach(c *kmem.Cache, l *kmem.Local, batch []word) {
	for i := range batch {
		p := l.Alloc()
		if p == nil {
			outOfMemory(c)
		}
		touch(p, uint64(i))
		batch[i] = wordOf(p)
	}
}

func freeEach(l *kmem.Local, batch []word) (sum uint64) {
	for i := range batch {
		p := batch[i].pointer()
		sum += read(p)
		l.Free(p)
	}
	return sum
}

func prodConsAny(r *Run) error {
	return r.withCache("prodcons", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			rings := make([]ring, r.CPUs/2)
			round.Goroutines(r.CPUs, func(w *Worker) {
				if ring := &rings[w.ID/2]; w.ID%2 == 0 {
					ring.produce(w, func(batch []word) { allocEachAny(c, batch) })
				} else {
					ring.consume(w, func(batch []word) uint64 { return freeEachAny(c, batch) })
				}
			})
		})
	})
}

func allocEachAny(c *kmem.Cache, batch []word) {
	for i := range batch {
		p := c.Alloc()
		if p == nil {
			outOfMemory(c)
		}
		touch(p, uint64(i))
		batch[i] = wordOf(p)
	}
}

func freeEachAny(c *kmem.Cache, batch []word) (sum uint64) {
	for i := range batch {
		p := batch[i].pointer()
		sum += read(p)
		c.Free(p)
	}
	return sum
}

// bulkPart is how many objects of a batch come and go in one call.
const bulkPart = 32

// allocParts and freeParts are for who knows how many objects it needs.
func allocParts(_ *kmem.Cache, l *kmem.Local, batch []word) {
	var some [bulkPart]kmem.Pointer
	for part := range slices.Chunk(batch, bulkPart) {
		objs := some[:len(part)]
		if err := l.AllocBulk(objs); err != nil {
			panic(err)
		}
		for i, p := range objs {
			touch(p, uint64(i))
			part[i] = wordOf(p)
		}
	}
}

func freeParts(l *kmem.Local, batch []word) (sum uint64) {
	var some [bulkPart]kmem.Pointer
	for part := range slices.Chunk(batch, bulkPart) {
		objs := some[:len(part)]
		for i := range part {
			objs[i] = part[i].pointer()
			sum += read(objs[i])
		}
		l.FreeBulk(objs)
	}
	return sum
}

// prodConsRing does everything but allocating: objects of an array pass in
// rotation. It is what the ring itself costs.
func prodConsRing(r *Run) error {
	return r.Measure(func(round *Round) {
		rings := make([]ring, r.CPUs/2)
		round.CPUs(r.CPUs, func(w *Worker) {
			if ring := &rings[w.ID/2]; w.ID%2 == 0 {
				ring.produceBare(w, r.Size)
			} else {
				ring.consume(w, readEach)
			}
		})
	})
}

// produceBare has one batch more than the ring holds, so that no object is written
// while the consumer still reads it. The objects are there until that is through.
func (r *ring) produceBare(w *Worker, size int) {
	pool := newArray((ringSlots+1)*ringBatch, size)
	next := 0
	r.produce(w, func(batch []word) {
		from := pool.words[next:][:len(batch)]
		for i := range batch {
			p := from[i].pointer()
			touch(p, uint64(i))
			batch[i] = wordOf(p)
		}
		if next += ringBatch; next == len(pool.words) {
			next = 0
		}
	})
	for r.head.Load() != r.tail.Load() && !w.Halted() {
		runtime.Gosched()
	}
	runtime.KeepAlive(pool)
}

func readEach(batch []word) (sum uint64) {
	for i := range batch {
		sum += read(batch[i].pointer())
	}
	return sum
}
