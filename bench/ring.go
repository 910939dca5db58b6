// The bounded ring of batches that carries objects from one CPU to another.
//
// See doc.go for an overview.

package bench

import (
	"runtime"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
)

const (
	ringBatch = 256 // objects of one batch
	ringSlots = 16  // batches under way at most
)

// ring has one producer and one consumer. Batches lie in the ring itself: the
// producer fills the slot at tail, the consumer empties the one at head.
type ring struct {
	head   atomic.Uint64 // batches consumed; written by the consumer
	_      [smp.LinePad]byte
	tail   atomic.Uint64 // batches produced; written by the producer
	_      [smp.LinePad]byte
	closed atomic.Bool // set after the last batch
	_      [smp.LinePad]byte
	slots  [ringSlots]ringSlot
}

type ringSlot struct {
	n     int // objects in it
	words [ringBatch]word
}

// room waits for a free slot. It returns nil when the round was given up.
func (r *ring) room(w *Worker) *ringSlot {
	tail := r.tail.Load()
	for i := 0; tail-r.head.Load() == ringSlots; i++ {
		if !relax(w, i, spinTurns) {
			return nil
		}
	}
	return &r.slots[tail%ringSlots]
}

// send makes the slot that room gave the consumer's.
func (r *ring) send() { r.tail.Add(1) }

// next waits for a full slot. It returns nil when the producer is through and
// the ring is empty, or when the round was given up.
func (r *ring) next(w *Worker) *ringSlot {
	head := r.head.Load()
	for i := 0; head == r.tail.Load(); i++ {
		if r.closed.Load() && head == r.tail.Load() || !relax(w, i, spinTurns) {
			return nil
		}
	}
	return &r.slots[head%ringSlots]
}

// done gives the slot that next gave back to the producer.
func (r *ring) done() { r.head.Add(1) }

// spinTurns is how often a wait looks before it lets somebody else run: for about 16
// us, as the peers do. The runtime takes microseconds to go from one locked thread to
// another, some of them on the CPU that is waited for: with a sixteenth of the turns
// ProdCons took 13 to 20 ns, and with these 13.
const spinTurns = 1 << 14

// relax is turn i of a wait for another worker: mostly nothing, and once in so many
// turns the processor for somebody else. It returns false when the round was given up.
func relax(w *Worker, i, turns int) bool {
	if i%turns != turns-1 {
		return true
	}
	runtime.Gosched()
	return !w.Halted()
}
