// What stands beside the walk, with its mechanisms taken out: a test must notice.

package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

func TestMutantsAPI(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	mutant.Run(t, []mutant.Mutant{
		{Name: "a deferred free without a grace period", File: "deferredbatch.go",
			Old: "h.domain.Call(&b.block.head, freeBlockCallback)", New: "freeDeferred(&b.block.head)",
			Test: "^TestFreeDeferred$", Expect: "handed out inside the section|double free"},
		{Name: "destroy does not wait for deferred frees", File: "cachedestroy.go",
			Old: "	c.BarrierDeferred()\n", New: "",
			Test: "^TestDestroyWaitsForDeferred$", Expect: "still allocated"},
		{Name: "a bulk that fails keeps what it had", File: "bulk.go",
			Old: "			c.FreeBulk(dst[:n])\n", New: "",
			Test: "^TestBulkAllOrNothing$", Expect: "within the limit|still allocated"},
		{Name: "a bulk freed up to the bad pointer", File: "bulk.go",
			Old: "	if bad < len(objs) {\n		if a.limit == 0 {", New: "	if false {\n		if a.limit == 0 {",
			Test: "^TestFreeBulkRefuses$", Expect: "double free|foreign|SIGSEGV|index out of range|panic"},
		{Name: "a bulk looks at the first object of a slab alone", File: "bulkarray.go",
			Old: "rel >= slabBytes || uint64(rel)*mul >= a.divide.span", New: "rel >= slabBytes || mul == 0",
			Test: "^TestFreeBulkRefuses$", Expect: "no panic, want .*misaligned|double free"},
		{Name: "a bulk goes by the product however far away", File: "bulkarray.go",
			Old: "rel >= slabBytes || uint64(rel)", New: "slabBytes == 0 || uint64(rel)",
			Test: "^TestFreeBulkFarAway$", Expect: "foreign pointer|SIGSEGV|runtime error|fault"},
	})
}
