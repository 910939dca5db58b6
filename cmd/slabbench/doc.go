// Slabbench measures this module's slab allocator and RCU, and tries to break
// them.
//
// Usage:
//
//	slabbench [flags]
//	slabbench report [-o page.html] [-table] [-readme file] files...
//	slabbench top [-n views] [-d time] address
//
// Results go to standard output in the format of go test -bench, which benchstat
// reads. Everything for people goes to standard error: progress, a table at the
// end, and what to mind when reading it.
//
// # A first run
//
// Without -bench a selection of scenarios runs that ends within a minute:
//
//	slabbench -flags=destroy_by_rcu
//
// What there is to measure, with a sentence about each scenario:
//
//	slabbench -list
//
// # Choosing
//
// -bench takes a regular expression as go test does. It is split at slashes; the
// first part must match the scenario, each further one the key at that place:
//
//	slabbench -bench=Pair -size=64
//	slabbench -bench='^Pair$/api=cpu' -cpu=1,2
//	slabbench -bench='ReadSection|Synchronize' -benchtime=100x
//
// -skip leaves out what it matches, as go test's does. With -list the two show
// what they choose, how many measurements that is and how long they will take:
//
//	slabbench -list -bench=. -skip='Table|Collector//n=10000000' -count=10
//
// -size and -cpu are lists of object sizes in bytes and of numbers of CPUs. A CPU
// is a thread bound to a core, or a plain goroutine where the name says api=any.
//
// -flags are the create flags of the caches, joined by commas; typesafe_by_rcu is
// another name of destroy_by_rcu:
//
//	slabbench -bench=Pair/api=cpu -size=64 -flags=destroy_by_rcu,hwcache_align
//
// -layout lays slabs out as another profile has it, for example that of a Linux
// kernel:
//
//	slabbench -bench=Batch10k -layout=2.6.9
//
// How objects of a size and flags lie on their slabs, for the layout that is
// given, or for the runtime's own and those of Linux kernels:
//
//	slabbench -geometry -size=64,600 -flags=hwcache_align
//	slabbench -geometry -size=24 -layout=2.6.9
//
// # How long
//
// -benchtime is a time or a count, -count the number of samples, as in go test.
// The default is one sample of one second, six of them with -compare, ten seconds with
// -verify, and less than a second for the selection that runs without -bench.
//
// # Comparing
//
// -compare measures two sets of flags in turns, A B A B, so that a machine that
// changes its speed does so for both, and ends with differences, intervals and p
// values:
//
//	slabbench -bench=GrowShrink -size=64 -compare=none,destroy_by_rcu
//
// Within a set flags are joined by plus signs. The roads of Oblique, its key impl,
// take turns as well, with -count too. The same file serves benchstat:
//
//	slabbench -bench=GrowShrink -compare=none,destroy_by_rcu -o=grow.txt
//
// and then go tool benchstat -col /flags grow.txt. The file of -o appears under
// its name when it is complete; after Ctrl-C it holds what was measured so far. A
// scenario that fails, or panics, or meets a limit, ends alone and is named at the
// end; the others are measured.
//
// # Names and units
//
// A name is Benchmark<Scenario>/key=value/...-<CPUs>. ns/op is what one CPU pays
// for one operation: with perfect scaling it is the same on any number of CPUs.
// The other units of a line are counts beside the time, such as lock-trips/op.
//
// # Profiles
//
// -cpuprofile, -memprofile, -mutexprofile, -blockprofile and -trace are those of
// go test. Samples of a CPU profile carry labels: the scenario, its keys, cpus, and
// the role of the worker: worker, reader, updater, churner, producer, consumer. An
// execution trace has regions where a cache refills, where it grows, and where a
// grace period is waited for.
//
//	slabbench -bench=Batch10k -size=64 -cpuprofile=cpu.out -trace=trace.out
//
// -kmemprofile is the profile of the memory that the Go heap profile does not have:
// which call sites have objects off the heap, and how many they took, with the same
// labels and the cache besides:
//
//	slabbench -bench=Larson -size=64 -kmemprofile=kmem.out
//
// -perf counts cycles, instructions, cache misses, mispredicted branches and page
// faults, per operation, of the measured threads while they are timed. Plain
// goroutines change their threads: there the whole process is counted. Most
// virtual machines have no PMU; then page faults are left, and a line says so:
//
//	slabbench -bench=GrowShrink -size=64 -perf
//
// -http serves profiles, and what runs at the moment, while it runs:
//
//	slabbench -bench=Batch10k -size=64 -http=localhost:0
//
// It prints the address. There /debug/vars has the caches, the memory and the
// figures so far, and /slabinfo the caches as a kernel shows them. top shows all
// that once a second until Ctrl-C; -n says how often, -d how far apart:
//
//	slabbench top -n 5 -d 2s localhost:6060
//
// # Time lines
//
// -sample looks every so often at objects, slabs, limbo, resident memory, grace
// periods and collections, and writes a CSV file beside that of -o:
//
//	slabbench -bench=StalledReader -sample=10ms -o=stalled.txt
//
// # Pictures
//
// report draws what files of results hold: bars with intervals, scaling over
// CPUs, latencies, and the time lines of -sample where they lie beside a file. The
// page needs nothing but itself, and its pictures are also files in a folder:
//
//	slabbench report -o=page.html grow.txt stalled.txt
//
// -table prints medians with intervals as a table in Markdown, with the best peer
// beside ours where the files have peers, as those of bench/peers do. -readme
// writes it between <!-- results --> and <!-- /results --> in a document:
//
//	slabbench report -table grow.txt
//
// # Torture
//
// -verify runs torture for -benchtime and prints what was looked at: every object
// handed out is its owner's alone, no grace period ends under a reader, and what a
// reader saw in its section stays an object of its cache.
//
//	slabbench -verify -flags=destroy_by_rcu -benchtime=2s
//
// Without the flag the same is the negative control. It must find something, and
// says so with status 1:
//
//	slabbench -verify -flags=none -benchtime=2s # status 1
//
// -bench chooses among the tortures, by name. This one has processes that fork,
// exit and unmap under page scanners, the client that the flag was made for:
//
//	slabbench -verify -bench=oblique -flags=destroy_by_rcu -benchtime=2s
//	slabbench -verify -bench=oblique -flags=none -benchtime=10s # status 1
//
// Torture runs in a process of its own, because what it finds may kill it.
//
// # Exit status
//
// 0 all is well; 1 a scenario failed, torture found something, or a file could
// not be written; 2 the command line was wrong; 130 interrupted.
package main
