// Package kmempprof shows heaps of package kmem to people who look at programs
// with pprof and expvar: the memory that the Go heap profile does not have.
//
// # Profile
//
// A heap that was made with [kmem.HeapOptions].ProfileRate knows by samples which
// call sites have its objects and how many they took; caches with
// [kmem.StoreUser] know it exactly, profile or not. The four values are those of
// the Go heap profile, inuse_space first, and each sample has the labels heap and
// cache. What the figures mean is said at [kmem.Heap.Samples].
//
//	http.Handle("/debug/pprof/kmem", kmempprof.Handler())
//
// and then
//
//	go tool pprof http://localhost:6060/debug/pprof/kmem
//	go tool pprof -tagfocus=cache=conn -sample_index=alloc_objects ...
//
// [Write] writes the same to a file. A [Collector] adds up heaps that do not live
// at the same time.
//
// # Variables
//
//	kmempprof.Publish("kmem", heap)
//
// puts the counters of a heap and its caches among the variables that expvar
// serves at /debug/vars.
//
// It is a package of its own because package kmem has no business with HTTP.
package kmempprof
