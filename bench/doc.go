// Package bench measures this module and tries to break it: a table of
// scenarios, the machinery that times them, and torture runs.
//
// # What
//
// A [Scenario] is one workload: a sentence of description, a unit, and variants.
// A [Variant] is one concrete loop and the axes of keys that its names carry. A
// [Case] is a variant at one point of its axes on one number of CPUs, for
// example Pair/api=cpu/flags=none/size=64-2. The command slabbench and go test
// -bench run from the same table.
//
// This package parses no command line, prints nothing and never ends the
// process.
//
// # The walk
//
//  1. table.go: the scenarios; axes.go: their keys and values
//  2. plan.go NewPlan: a pattern and a selection become cases, in order
//  3. run.go Do: one case; its scenario sets up a world and calls Measure
//  4. Run.Measure: rounds of growing length (benchtime.go) until one lasts
//  5. round.go Round.CPUs or Goroutines: a gang of workers; gate.go: nobody
//     starts before all are ready
//  6. the loop: Begin or BeginAfter, chunks of operations, End
//  7. run.go sum: the figures; counts.go: what the allocator did meanwhile
//  8. result.go: the benchmark format; compare.go, caveats.go: what it is worth
//
// # How times are taken
//
// Every measured worker does the same number of operations and has a clock of its
// own, which starts when the gate opens and stops after its last operation. ns/op
// is the mean over the workers of their own time per operation: what one CPU pays
// for one operation, not the machine's throughput. A scenario that scales
// perfectly has the same ns/op on any number of CPUs. Workers that only keep
// others company (readers beside an updater, the consumer of a ring) are not
// measured.
//
// Batch10k, Sh6 and ProdCons warm up first, each worker as long as it is measured and
// for a fixed number of chunks at most, and so do the peers: arrays grow by the use that
// is made of them, and pages are touched for the first time, which took a quarter of a
// round of 50 ms of ProdCons on a machine where a fault takes 11 µs. Footprint has that
// in its time.
//
// Loops are written out for each variant. Inside there is no closure, no
// interface, and one look at a flag every few thousand operations. What a loop
// computes is kept, and objects are written to.
//
// Quantiles come from histograms of three digits. Where an operation is so short
// that reading a clock would be most of it, every 16th, 64th or 128th is timed.
//
// # What is counted
//
// Counts are differences between the moment when the gate opens and the moment
// when the last measured worker ends. Warming up, filling and draining are not
// in them. limbo-peak-B alone is since the case's heap was made.
//
// # Torture
//
// [Verify] runs four kinds of torture, each with its oracle in one line:
// verify_slab.go, verify_grace.go, verify_oblique.go, verify_types.go. Without
// DestroyByRCU the last two damage their process, and must: they are then the
// negative control, and belong in a process of its own. control.go reads what that process left behind.
//
// # Traps
//
//   - A worker that dies before the gate opens would leave the others waiting: it
//     breaks the gate on its way out.
//   - A worker that waits for another asks Running or Halted, or an interrupted
//     run never ends.
//   - Addresses of off-heap objects are kept as words (words_unsafe.go). As
//     pointers they would cost a write barrier each and be scanned.
//   - A closed heap's addresses are never used again. Many samples make many
//     heaps, so theirs are small.
package bench
