// Homes: owners of array caches keep to memory of their own. Beside stops 3 to 5 of
// the walk in doc.go.

package kmem

// homes is how many there are. Each owner of an array has one, and takes objects from
// its slabs first, and pages from its pageblocks, so that owners do not get each other's
// neighbours: a processor's prefetchers run over the end of what it uses and fetch the
// lines of another one, again and again. The kernel has such lists of slabs for each node
// (2.6.14) and, since SLUB, for each CPU (2.6.23, 3.2), and pageblocks to keep what can
// be moved apart from what cannot (2.6.24).
const homes = 8
