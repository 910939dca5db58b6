// The units that results carry, and what they mean.
//
// See doc.go for an overview.

package bench

import "slices"

// unit is one unit of the benchmark format.
type unit struct {
	name   string
	better string // lower, higher, or "" when neither is
	desc   string
}

// units is the table of all units, in the order in which they are printed.
var units = []unit{
	{"ns/op", "lower", "nanoseconds for one operation, on each CPU"},
	{"p50-ns", "lower", "nanoseconds that half of the operations stayed below"},
	{"p90-ns", "lower", "nanoseconds that 90 % of the operations stayed below"},
	{"p99-ns", "lower", "nanoseconds that 99 % of the operations stayed below"},
	{"p99.9-ns", "lower", "nanoseconds that 99.9 % of the operations stayed below"},
	{"p99.99-ns", "lower", "nanoseconds that 99.99 % of the operations stayed below"},
	{"p50-latency-ns", "lower", "nanoseconds from queueing to running, half stayed below"},
	{"p90-latency-ns", "lower", "nanoseconds from queueing to running, 90 % stayed below"},
	{"p99-latency-ns", "lower", "nanoseconds from queueing to running, 99 % stayed below"},
	{"p99.9-latency-ns", "lower", "nanoseconds from queueing to running, 99.9 % stayed below"},
	{"p99.99-latency-ns", "lower", "nanoseconds from queueing to running, 99.99 % stayed below"},
	{"retries/op", "lower", "lookups that had to start again, per lookup"},
	{"misses/op", "", "lookups of a key that was away at that moment, per lookup"},
	{"updates/s", "higher", "objects freed and reused per second beside the readers"},
	{"locks/s", "higher", "locks taken per second that were found from a page"},
	{"walks/s", "", "lists walked per second"},
	{"reclaimed/s", "", "frames freed by the scanner per second"},
	{"refused/op", "lower", "operations refused at the heap's limit, per operation"},
	{"deferred-peak-B", "lower", "most bytes of objects that waited to be freed at once"},
	{"B/object", "lower", "bytes of memory for one live object, everything included"},
	{"overhead-B/object", "lower", "of them beyond the size that was asked for"},
	{"RSS-B", "lower", "resident memory of the process"},
	{"RSS-B/object", "lower", "bytes by which the process's resident memory grew for one live object"},
	{"returned-of-90%", "higher", "share of the spike's memory returned a second after 90 % was freed at random"},
	{"returned-in-100ms", "higher", "share of the spike's memory returned 0.1 s after all was freed"},
	{"returned-in-1s", "higher", "share of the spike's memory returned 1 s after all was freed"},
	{"idle-cpu-fraction", "lower", "share of a CPU that the process used in the second after that"},
	{"gc-ns", "lower", "nanoseconds that a forced collection took"},
	{"gc-cpu-fraction", "lower", "share of the process's CPU time that the collector took"},
	{"lock-trips/op", "lower", "times that a lock shared by CPUs was taken, per operation"},
	{"contended/s", "lower", "times per second that such a lock was found taken"},
	{"refills/op", "", "times that a CPU fetched a batch of objects, per operation"},
	{"flushes/op", "", "times that a CPU gave a batch of objects back, per operation"},
	{"slabs-made/s", "", "slabs made per second"},
	{"slabs-destroyed/s", "", "slabs destroyed per second"},
	{"limbo-peak-B", "lower", "most bytes that waited for a grace period at once"},
	{"grace-periods/s", "", "grace periods ended per second"},
	{"cycles/op", "lower", "cycles of the processor, per operation"},
	{"instructions/op", "lower", "instructions, per operation"},
	{"l1d-misses/op", "lower", "loads that missed the first data cache, per operation"},
	{"llc-misses/op", "lower", "loads that missed all caches, per operation"},
	{"branch-misses/op", "lower", "branches that were predicted wrongly, per operation"},
	{"page-faults/op", "lower", "page faults, per operation"},
}

// UnitDesc says in words what a unit means, or returns "".
func UnitDesc(name string) string {
	if i := UnitPlace(name); i < len(units) {
		return units[i].desc
	}
	return ""
}

// UnitPlace returns the place of a unit among all, or one past the last when it
// is none of ours: the order in which figures are shown.
func UnitPlace(name string) int {
	i := slices.IndexFunc(units, func(u unit) bool { return u.name == name })
	if i < 0 {
		return len(units)
	}
	return i
}
