// Layout: what must hold of sizes and offsets, checked by the compiler. Two words
// that different goroutines write are smp.LinePad apart, or share a line on
// purpose.

package urcu

import (
	"unsafe"

	"github.com/slabrcu/slabrcu/smp"
)

// A line below fails to compile, by a negative unsigned constant, when it does
// not hold.
const (
	// What an owner and a leader tell one another is on one cache line.
	_ = 64 - unsafe.Offsetof(record{}.notice) - 8
	_ = unsafe.Offsetof(record{}.notice) + 8 - hotSize
	_ = hotSize - unsafe.Offsetof(record{}.notice) - 8

	// Records lie two pads apart, and what is cold lies far behind what is hot.
	_ = unsafe.Sizeof(record{}) - 2*smp.LinePad
	_ = 2*smp.LinePad - unsafe.Sizeof(record{})
	_ = unsafe.Offsetof(record{}.cold) - smp.LinePad

	// A chunk's bitmap is apart from its first record.
	_ = unsafe.Offsetof(chunk{}.rec) - smp.LinePad

	// A line of section words is one cache line, a pad apart from the next.
	_ = 64 - unsafe.Offsetof(line{}.notice) - 8
	_ = unsafe.Sizeof(line{}) - smp.LinePad
	_ = unsafe.Offsetof(page{}.line) - smp.LinePad

	// A tenant has two lines to itself, its lease and, for reading, where that hangs.
	_ = unsafe.Sizeof(lease{}) - 2*smp.LinePad
	_ = unsafe.Offsetof(leaseSlot{}.last) - smp.LinePad
	_ = unsafe.Sizeof(leaseSlot{}) - 2*smp.LinePad

	// Queues are two pads long; so are the handles' neighbours on the heap.
	_ = unsafe.Sizeof(queue{}) - 2*smp.LinePad
	_ = 2*smp.LinePad - unsafe.Sizeof(queue{})
	_ = unsafe.Sizeof(handle{}) - smp.LinePad

	// Readers poll epoch; nothing else on its line is ever written.
	_ = unsafe.Offsetof(Domain{}.completed) - unsafe.Offsetof(Domain{}.epoch) - smp.LinePad
	_ = unsafe.Offsetof(Domain{}.epoch) - unsafe.Offsetof(Domain{}.closed) - smp.LinePad
)
