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
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: prodConsCPU, Skip: pairsOnly},
		{Axes: []Axis{apis("any"), createFlags(), sizes()}, Run: prodConsAny, Skip: pairsOnly, Long: true},
		{Axes: []Axis{apis("bulk"), createFlags(), sizes()}, Run: prodConsBulk, Skip: pairsOnly, Long: true},
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

// The producers alone are measured: an object takes one alloc and one free, and
// they go on side by side. At most 16 batches are in the ring when the clock
// stops.
func prodConsCPU(r *Run) error {
	return r.withCache("prodcons", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			rings := make([]ring, r.CPUs/2)
			round.CPUs(r.CPUs, func(w *Worker) {
				l, to := c.On(w.CPU), &rings[w.ID/2]
				if w.ID%2 == 0 {
					produce(w, c, l, to)
				} else {
					consume(w, l, to)
				}
			})
		})
	})
}

func produce(w *Worker, c *kmem.Cache, l *kmem.Local, to *ring) {
	defer to.closed.Store(true)
	w.SetChunk(ringBatch)
	w.Role("producer")
	w.Begin()
	for w.Next() {
		slot := to.room(w)
		if slot == nil {
			break
		}
		part := slot.words[:w.Chunk]
		for i := range part {
			p := l.Alloc()
			if p == nil {
				outOfMemory(c)
			}
			touch(p, uint64(i))
			part[i] = wordOf(p)
		}
		slot.n = len(part)
		to.send()
	}
	w.End()
}

func consume(w *Worker, l *kmem.Local, from *ring) {
	var sum uint64
	w.Role("consumer")
	w.Attend()
	for {
		slot := from.next(w)
		if slot == nil {
			break
		}
		part := slot.words[:slot.n]
		for i := range part {
			p := part[i].pointer()
			sum += read(p)
			l.Free(p)
		}
		from.done()
	}
	w.keep(sum)
}

func prodConsAny(r *Run) error {
	return r.withCache("prodcons", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			rings := make([]ring, r.CPUs/2)
			round.Goroutines(r.CPUs, func(w *Worker) {
				if to := &rings[w.ID/2]; w.ID%2 == 0 {
					produceAny(w, c, to)
				} else {
					consumeAny(w, c, to)
				}
			})
		})
	})
}

func produceAny(w *Worker, c *kmem.Cache, to *ring) {
	defer to.closed.Store(true)
	w.SetChunk(ringBatch)
	w.Role("producer")
	w.Begin()
	for w.Next() {
		slot := to.room(w)
		if slot == nil {
			break
		}
		part := slot.words[:w.Chunk]
		for i := range part {
			p := c.Alloc()
			if p == nil {
				outOfMemory(c)
			}
			touch(p, uint64(i))
			part[i] = wordOf(p)
		}
		slot.n = len(part)
		to.send()
	}
	w.End()
}

func consumeAny(w *Worker, c *kmem.Cache, from *ring) {
	var sum uint64
	w.Role("consumer")
	w.Attend()
	for {
		slot := from.next(w)
		if slot == nil {
			break
		}
		part := slot.words[:slot.n]
		for i := range part {
			p := part[i].pointer()
			sum += read(p)
			c.Free(p)
		}
		from.done()
	}
	w.keep(sum)
}

// bulkPart is how many objects of a batch come and go in one call.
const bulkPart = 32

// prodConsBulk allocates and frees as who knows how many objects it needs.
func prodConsBulk(r *Run) error {
	return r.withCache("prodcons", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			rings := make([]ring, r.CPUs/2)
			round.CPUs(r.CPUs, func(w *Worker) {
				l, to := c.On(w.CPU), &rings[w.ID/2]
				if w.ID%2 == 0 {
					produceBulk(w, l, to)
				} else {
					consumeBulk(w, l, to)
				}
			})
		})
	})
}

func produceBulk(w *Worker, l *kmem.Local, to *ring) {
	defer to.closed.Store(true)
	var some [bulkPart]kmem.Pointer
	w.SetChunk(ringBatch)
	w.Role("producer")
	w.Begin()
	for w.Next() {
		slot := to.room(w)
		if slot == nil {
			break
		}
		slot.n = w.Chunk
		for part := range slices.Chunk(slot.words[:slot.n], bulkPart) {
			objs := some[:len(part)]
			if err := l.AllocBulk(objs); err != nil {
				panic(err)
			}
			for i, p := range objs {
				touch(p, uint64(i))
				part[i] = wordOf(p)
			}
		}
		to.send()
	}
	w.End()
}

func consumeBulk(w *Worker, l *kmem.Local, from *ring) {
	var sum uint64
	var some [bulkPart]kmem.Pointer
	w.Role("consumer")
	w.Attend()
	for {
		slot := from.next(w)
		if slot == nil {
			break
		}
		for part := range slices.Chunk(slot.words[:slot.n], bulkPart) {
			objs := some[:len(part)]
			for i := range part {
				objs[i] = part[i].pointer()
				sum += read(objs[i])
			}
			l.FreeBulk(objs)
		}
		from.done()
	}
	w.keep(sum)
}

// prodConsRing does everything but allocating: objects of an array pass in
// rotation. It is what the ring itself costs.
func prodConsRing(r *Run) error {
	return r.Measure(func(round *Round) {
		rings := make([]ring, r.CPUs/2)
		round.CPUs(r.CPUs, func(w *Worker) {
			if to := &rings[w.ID/2]; w.ID%2 == 0 {
				produceBare(w, to, r.Size)
			} else {
				consumeBare(w, to)
			}
		})
	})
}

func produceBare(w *Worker, to *ring, size int) {
	defer to.closed.Store(true)
	// One batch more than the ring holds, so that no object is written while
	// the consumer still reads it.
	pool := newArray((ringSlots+1)*ringBatch, size)
	w.SetChunk(ringBatch)
	next := 0
	w.Role("producer")
	w.Begin()
	for w.Next() {
		slot := to.room(w)
		if slot == nil {
			break
		}
		part := slot.words[:w.Chunk]
		from := pool.words[next : next+ringBatch]
		for i := range part {
			p := from[i].pointer()
			touch(p, uint64(i))
			part[i] = wordOf(p)
		}
		if next += ringBatch; next == len(pool.words) {
			next = 0
		}
		slot.n = len(part)
		to.send()
	}
	w.End()
	for to.head.Load() != to.tail.Load() && !w.Halted() {
		runtime.Gosched()
	}
	runtime.KeepAlive(pool)
}

func consumeBare(w *Worker, from *ring) {
	var sum uint64
	w.Role("consumer")
	w.Attend()
	for {
		slot := from.next(w)
		if slot == nil {
			break
		}
		part := slot.words[:slot.n]
		for i := range part {
			sum += read(part[i].pointer())
		}
		from.done()
	}
	w.keep(sum)
}
