// Package peers runs the allocator workloads over what a Go program would use
// in our place: the Go heap, sync.Pool, and modernc.org/memory. The C peers are
// programs of their own under c/; cmd/peers runs all of them and us in turns.
//
// A peer is a type with four methods ([peer]). Two of them are the loops of
// Pair, written out in each peer: there a call through an interface would cost
// a tenth of what is measured. The other loops exist once (workloads.go) and
// call through the interface, which costs a peer a nanosecond in an operation.
//
// Table (table.go) is another matter: concurrent maps and caches, each behind four
// methods of a type of its own.
//
// Workers are emulated CPUs of package smp, as ours are: bound, started together,
// each with a clock of its own (worker.go). README.md gives the shape of each loop.
package peers
