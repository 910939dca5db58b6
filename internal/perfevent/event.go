// The events that can be counted, by name. See doc.go for an overview.

package perfevent

// Event is one thing that is counted.
type Event struct {
	name   string
	kind   uint32
	config uint64
}

// String returns the event's name, for example "cycles".
func (e Event) String() string { return e.name }

// Numbers of perf_event_open(2), which are the same on every architecture.
const (
	kindHardware = 0
	kindSoftware = 1
	kindCache    = 3

	cacheL1D  = 0
	cacheLast = 2
	loadMiss  = 1 << 16 // of loads, those that missed
)

// Events of the processor. LLCMisses are loads that no cache could serve.
var (
	Cycles       = Event{"cycles", kindHardware, 0}
	Instructions = Event{"instructions", kindHardware, 1}
	BranchMisses = Event{"branch-misses", kindHardware, 5}
	L1DMisses    = Event{"l1d-misses", kindCache, cacheL1D | loadMiss}
	LLCMisses    = Event{"llc-misses", kindCache, cacheLast | loadMiss}
)

// Events of the kernel, which every Linux counts. TaskClock is nanoseconds of CPU
// time.
var (
	TaskClock  = Event{"task-clock", kindSoftware, 1}
	PageFaults = Event{"page-faults", kindSoftware, 2}
)

// Hardware returns the events of the processor.
func Hardware() []Event {
	return []Event{Cycles, Instructions, L1DMisses, LLCMisses, BranchMisses}
}

// IsHardware reports whether the event needs a processor that counts.
func (e Event) IsHardware() bool { return e.kind != kindSoftware }

// Missing returns why an event cannot be counted here, or nil.
func Missing(e Event) error {
	c, err := Open(Thread, e)
	if err != nil {
		return err
	}
	return c.Close()
}
