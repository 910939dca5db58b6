package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestMutantsReap takes a rule of reaping, pressure or tuning out at a time.
func TestMutantsReap(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	mutant.Run(t, []mutant.Mutant{{
		Name: "arrays in use are drained", File: "reapcache.go",
		Old: "	if a.touched != 0 {\n		a.touched = 0\n		return true, 0\n	}\n", New: "",
		Test: "^TestReapArray$", Expect: "100 touched:true .*: 76 objects",
	}, {
		Name: "all free slabs are idle", File: "reapcache.go",
		Old: "min(free.n, free.low+more)", New: "free.n",
		Test: "^TestReapSlabs$", Expect: "slabs are left",
	}, {
		Name: "the free limit stays up", File: "reapcache.go",
		Old: "2*came < c.freeLimit", New: "2*came < 0",
		Test: "^TestReapDecay$", Expect: "the limit was",
	}, {
		Name: "a stripped slot is used unseen", File: "reapcache.go",
		Old: "		s.end = 0\n", New: "",
		Test: "^TestReapRests$", Expect: "a second after the one object was freed",
	}, {
		Name: "Destroy does not wait for who took a slab", File: "cachedestroy.go",
		Old: "	c.awaitVictims()\n", New: "",
		Test: "^TestDestroyAwaits$", Expect: "nil pointer|SIGSEGV|fault|destroyed while",
	}, {
		Name: "no shrinker is asked", File: "pressure.go",
		Old: "if c.Heap().shrink(h.wanted(order)) == 0 {", New: "if true {",
		Test: "^TestShrinker$", Expect: "after the calls",
	}, {
		Name: "a tuned array keeps its room", File: "tune.go",
		Old: "	c.stripStolen()\n", New: "",
		Test: "^TestTune$", Expect: "an array holds|the array grew",
	}, {
		Name: "free neighbours go one by one", File: "trim.go",
		Old: "for r.n < chunkPages && b.adjoinNext(&r, b.blockAt)", New: "for false && b.adjoinNext(&r, b.blockAt)",
		Test: "^TestTrimJoinsNeighbours$", Expect: "ranges",
	}})
}
