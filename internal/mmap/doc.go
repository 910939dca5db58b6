// Package mmap is the only place that asks the system for raw memory.
//
// # What
//
// A [Region] is one reservation of address space. It begins as addresses
// alone, without memory: [Region.Commit] makes a range of it usable,
// [Region.Discard] gives the memory of a range back and keeps the addresses,
// [Region.Protect] makes a range fault, [Region.Retire] ends the region.
//
// Callers speak in offsets from the region's base, in multiples of [PageSize].
// An offset becomes a pointer by unsafe.Add(r.Base(), off) and never by turning
// a uintptr into a pointer, so that the same code also runs on Go's heap.
//
// [Region.Advise] asks for huge pages, or for none, where the system has them, and
// [Region.Populate] for memory that nobody has touched yet, where it gives that.
//
// # Why addresses are never given back
//
// The process may keep stale addresses of a region in Go variables: a reader
// that looked at an object some time ago, a pointer in a register or a dead
// stack slot. Were the range unmapped, the Go runtime could place its own arena
// there, and its collector would die of a bad pointer it has never seen. So
// nothing that was handed out is ever unmapped. A retired region becomes
// PROT_NONE and its addresses are spent: about two thousand reservations of
// 64 GiB fit into 47 bits, and the next one is an error of [Reserve].
//
// # Three grounds
//
//   - linux: mprotect, madvise(MADV_DONTNEED, MADV_POPULATE_WRITE), mincore.
//   - darwin: mprotect. MADV_DONTNEED does not clear there, so Discard maps fresh
//     zero pages over the range; nothing tells what is resident, or populates.
//   - the race lane, on any system ([HeapBacked]): the race detector sees nothing
//     in mapped memory, so the region is one block of Go's heap. It is at most
//     [MaxHeapBacked] bytes, whatever was asked for; discarding is clearing;
//     nothing can be made to fault.
//
// # When the system refuses
//
// Every call may fail at any time: a process can run out of mappings, of memory
// that it may write, or be refused by a filter. Then the range is as before, and
// the call may be made again. Reserve leaves nothing behind but addresses.
// Retire has a second way, and if that fails too the region lives on.
//
// # Traps
//
//   - A change of protection splits a kernel mapping, and a process has 65,530 of
//     them. Commit in large chunks, and do not protect single pages by thousands:
//     [Region.Guard] is for those, where the kernel has markers for it.
//   - Where the system's page is larger than PageSize (16 KiB on darwin/arm64),
//     Commit rounds outwards, Protect and Discard round inwards, and Discard
//     clears by hand what it could not give back.
//   - unix.Mmap keeps a map of all mappings under one lock. It is not used.
package mmap
