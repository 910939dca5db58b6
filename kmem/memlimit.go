// Off-heap memory and the collector's limit. GOMEMLIMIT does not see the pages
// of a heap: the Go runtime did not map them.

package kmem

import "runtime/debug"

// Resident is how many bytes of memory the heaps of the process may have behind
// them: pages in use, in limbo, and free but not given back yet, and the page
// descriptors. Any goroutine may call it.
func Resident() (bytes int64) {
	table := heaps.table.Load()
	if table == nil {
		return 0
	}
	for _, h := range *table {
		if h != nil {
			bytes += h.buddy.resident()
		}
	}
	return bytes
}

func (b *buddy) resident() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return int64((b.used+b.dirty)<<pageShift + b.committed*pageDescBytes)
}

// AdjustMemoryLimit gives the collector, by [debug.SetMemoryLimit], what is left
// of total bytes once [Resident] is taken away, but not less than a sixteenth of
// total: a collector that is given nothing runs all the time. It returns the
// limit that it set. total stands for what the whole process may use, such as
// the value that GOMEMLIMIT would have.
//
// The limit holds until the next call; call it again when the heaps have grown
// or shrunk, every second or so and not on a fast path: setting the limit stops
// the world. Any goroutine may call it. It panics when total is not above 0.
func AdjustMemoryLimit(total int64) (limit int64) {
	if total <= 0 {
		panic("kmem: AdjustMemoryLimit: total must be above 0 bytes")
	}
	limit = max(total-Resident(), total/16, 1)
	if debug.SetMemoryLimit(-1) != limit {
		debug.SetMemoryLimit(limit)
	}
	return limit
}
