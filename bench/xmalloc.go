// Xmalloc: batches of 4,096 objects from producers to consumers, through one
// locked list.
//
// See doc.go for an overview.

package bench

import (
	"sync"

	"github.com/slabrcu/slabrcu/kmem"
)

const (
	xmallocBatch   = 4096
	xmallocBatches = 100 // on their way at most
)

var xmalloc = &Scenario{
	Name: "Xmalloc",
	Desc: "Half of the CPUs allocate batches of 4,096 and push them on one locked list, the other half pop and free them.",
	Unit: "alloc here and free there of one object",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu"), createFlags(), sizes()}, Run: runXmalloc, Skip: pairsOnly},
	},
}

type xmallocObjects struct {
	n     int
	words [xmallocBatch]word
}

// exchange is two stacks of batches, full and empty ones.
type exchange struct {
	mu        sync.Mutex
	full      []*xmallocObjects
	empty     []*xmallocObjects
	producers int // still at work
}

// push puts a batch on a stack. There is always room.
func (x *exchange) push(stack *[]*xmallocObjects, b *xmallocObjects) {
	x.mu.Lock()
	*stack = append(*stack, b)
	x.mu.Unlock()
}

// pop waits for a batch; nil when none will come any more.
func (x *exchange) pop(w *Worker, stack *[]*xmallocObjects) *xmallocObjects {
	for i := 0; ; i++ {
		x.mu.Lock()
		n := len(*stack)
		if n > 0 {
			b := (*stack)[n-1]
			*stack = (*stack)[:n-1]
			x.mu.Unlock()
			return b
		}
		over := x.producers == 0
		x.mu.Unlock()
		if over || !relax(w, i, spinTurns/64) {
			return nil
		}
	}
}

func runXmalloc(r *Run) error {
	return r.withCache("xmalloc", func(c *kmem.Cache) error {
		return r.Measure(func(round *Round) {
			x := &exchange{producers: r.CPUs / 2}
			for range xmallocBatches {
				x.empty = append(x.empty, new(xmallocObjects))
			}
			x.full = make([]*xmallocObjects, 0, xmallocBatches)
			round.CPUs(r.CPUs, func(w *Worker) {
				if w.ID%2 == 0 {
					x.produce(w, c)
				} else {
					x.consume(w, c)
				}
			})
		})
	})
}

func (x *exchange) produce(w *Worker, c *kmem.Cache) {
	defer func() {
		x.mu.Lock()
		x.producers--
		x.mu.Unlock()
	}()
	l := c.On(w.CPU)
	w.SetChunk(xmallocBatch)
	w.Role("producer")
	w.Begin()
	for w.Next() {
		b := x.pop(w, &x.empty)
		if b == nil {
			break
		}
		b.n = w.Chunk
		part := b.words[:b.n]
		for i := range part {
			p := l.Alloc()
			if p == nil {
				outOfMemory(c)
			}
			touch(p, uint64(i))
			part[i] = wordOf(p)
		}
		x.push(&x.full, b)
	}
	w.End()
}

func (x *exchange) consume(w *Worker, c *kmem.Cache) {
	l := c.On(w.CPU)
	w.Role("consumer")
	w.Attend()
	for {
		b := x.pop(w, &x.full)
		if b == nil {
			return
		}
		part := b.words[:b.n]
		for i := range part {
			l.Free(part[i].pointer())
		}
		x.push(&x.empty, b)
	}
}
