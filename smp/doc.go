// Package smp emulates the CPUs of a machine.
//
// # What
//
// An emulated CPU is a goroutine that is locked to an operating system thread,
// which is bound to a hardware CPU. [Run] starts n of them and returns when
// the last has ended. Inside, a [CPU] stands for the kernel's smp_processor_id:
// per-CPU state is indexed by [CPU.ID], is touched by its owner alone, and
// needs no atomics.
//
// # The walk
//
//  1. run.go Run: numbers for n CPUs, Ps for them (procs.go), n goroutines
//  2. each: lock the thread, bind it (bind_linux.go)
//  3. hotplug.go: the CPU goes online, subscribers hear of it in order
//  4. the body
//  5. hotplug.go: the CPU goes offline, subscribers hear of it in reverse order
//  6. the number is free again; the last CPU gives back the Ps
//  7. the thread gets its mask back and goes to the runtime; where that cannot be, or
//     after a panic, the goroutine ends while still locked, and the thread with it
//
// Steps 5 and 6 also happen after a panic or a runtime.Goexit in the body.
//
// # What is promised
//
//   - A number is unique among live CPUs and the smallest that was free. The same
//     number may belong to another CPU later, with a subscriber's goodbye between.
//   - More CPUs than the machine has are legal: hardware CPUs are then shared.
//   - Run may be called from many goroutines at once and from inside a body.
//   - A CPU is not an uninterruptible context. The Go scheduler can preempt it
//     anywhere, and the system can take its hardware CPU away at any time.
//
// # Lock order
//
//	registry.mu        numbers, Ps, the list of subscribers
//
// It is a leaf. Never while holding it: a body, a notification, user code.
//
// # Traps
//
//   - A locked CPU that spins holds its P. Run therefore raises GOMAXPROCS to live
//     CPUs + 1, or callbacks and collectors would wait for the spinners: 18 ms
//     against 0.08 ms on two cores.
//   - A locked goroutine that parks costs a thread switch, about 8 µs.
//   - Binding can be refused (seccomp) or be impossible (darwin). The CPU then runs
//     unbound, and [CPU.AffinityError] says why.
//   - What else a body does to its thread (priorities, namespaces) it undoes itself, or
//     calls runtime.LockOSThread once more, which makes the thread end with the CPU.
//   - CPUID traps in a virtual machine, 3.6 µs each. [Topology] asks once.
package smp
