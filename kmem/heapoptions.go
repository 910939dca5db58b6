// What a new heap may be told, and what is legal. See heap.go for what it does with it.

package kmem

import (
	"fmt"
	"math"

	"github.com/slabrcu/slabrcu/urcu"
)

// DefaultReserve is the address space that a heap reserves, in bytes, when it is
// not told. Reserving costs no memory; some two thousand such heaps fit a process, closed
// ones included.
const DefaultReserve = 64 << 30

// HeapOptions are what a new heap may be told. The zero value is a heap of
// [DefaultReserve] bytes of address space without a limit.
type HeapOptions struct {
	// Name is for people; empty is "heap".
	Name string
	// Reserve is the address space in bytes, 0 for [DefaultReserve]. The heap
	// never outgrows it.
	Reserve uintptr
	// Limit is how many bytes of pages may be resident at once, those in limbo
	// and those that are free but not given back yet included. 0 is seven eighths
	// of what the process's cgroup is limited to, and no limit where it is not;
	// [NoLimit] is none in any case. Metadata, 16 bytes a page, comes on top. At
	// the limit Alloc reaps all caches, asks the shrinkers, and then fails.
	Limit uintptr
	// Domain is whose grace periods DestroyByRCU waits for: the domain of the
	// readers. Nil is [urcu.Default].
	Domain *urcu.Domain
	// Layout is the layout of slabs. The zero value is [LayoutNative].
	Layout Layout
	// HugePages is whether the pages shall be huge.
	HugePages HugePages
	// Reap says how soon the heap gives back what is not used.
	Reap ReapOptions
	// FixedArrays is [CacheOptions].FixedArrays for all caches of the heap.
	FixedArrays bool
	// NoLeases is [CacheOptions].NoLeases for all caches of the heap.
	NoLeases bool

	// Debug is how the heap looks for the bugs of its users.
	Debug DebugOptions
	// ProfileRate is how many bytes of objects there are to a sample of the profile
	// that [Heap.Samples] returns, on average; 0 is no profile. 512 KiB is what the
	// runtime takes for its own heap.
	ProfileRate int

	below uintptr // all addresses lie below it; 0 is anywhere: dma.go
}

// filled returns the options with the defaults for what is 0, but those of Limit
// and Domain, or says what is wrong with them. The name is there in any case.
func (o HeapOptions) filled() (HeapOptions, error) {
	if o.Name == "" {
		o.Name = "heap"
	}
	if o.Reserve == 0 {
		o.Reserve = DefaultReserve
	}
	o.Layout = o.Layout.orNative()
	if err := o.Layout.Runnable(); err != nil {
		return o, err
	}
	if int(o.HugePages) >= len(hugePagesNames) {
		return o, fmt.Errorf("%v: legal are system, always, never", o.HugePages)
	}
	var err error
	if o.Reap, err = o.Reap.filled(); err != nil {
		return o, err
	}
	if o.Reserve < 2*chunkPages<<pageShift || o.Reserve>>pageShift > math.MaxUint32 {
		return o, fmt.Errorf("cannot reserve %d bytes; legal are %d to %d",
			o.Reserve, 2*chunkPages<<pageShift, uint64(math.MaxUint32)<<pageShift)
	}
	return o, nil
}
