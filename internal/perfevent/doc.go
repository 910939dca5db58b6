// Package perfevent counts what the processor and the kernel do for threads of
// this process: cycles, instructions, cache misses, page faults.
//
// # What
//
// An [Event] is one thing that is counted. [Open] makes counters of some events
// for a set of threads, all of them switched off. [Counters.Enable] and
// [Counters.Disable] bound the stretch that counts, [Counters.Read] tells what was
// counted in it. [Missing] says which events this machine cannot count, and why.
//
// # The walk
//
//  1. event.go: the events by name
//  2. counters.go: counters over threads, and what was read of them
//  3. system_linux.go: perf_event_open(2); system_other.go: systems without it
//
// # Traps
//
//   - A virtual machine seldom has a PMU. Then the hardware events are missing and
//     the kernel's own, page faults and CPU time, are still there.
//   - A processor has a few counters only. When more events are wanted they take
//     turns, and Read scales by the share of time in which an event was counted.
//   - The kernel may refuse to count itself. Then only user code is counted.
//   - Counters belong to threads, not to goroutines. A goroutine that is not locked
//     to its thread must be counted by counting all threads ([Process]).
package perfevent
