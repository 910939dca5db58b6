package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestMutantsLease: each break of the protocol of lease.go is found by its torture,
// or by the test that reads the machine code.
func TestMutantsLease(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	leasing(t)
	const (
		torture = "^TestLeaseTorture$"
		broken  = "handed out twice|double free|foreign pointer|in its owner's hands|allocations, [0-9]+ frees|still allocated|runtime error|SIGSEGV"
	)
	mutant.Run(t, []mutant.Mutant{{
		// busy waits in the store buffer behind stores to lines that others write too,
		// or the instant is met too rarely.
		Name: "a recall without the membarrier", File: "lease.go",
		Old: "	urcu.HeavyFence()\n", New: "	_ = urcu.HeavyFence\n",
		Edits: []mutant.Edit{
			{File: "lease.go", Old: "var nobody = new(lease)\n", New: "var nobody = new(lease)\n\nvar jam [24][512]uint64\n"},
			{File: "alloc.go", Old: "		le.busy = 1 // A", New: "		for i := range jam {\n			jam[i][0] = uint64(i)\n		}\n		le.busy = 1 // A"},
		},
		Test: torture, Expect: broken,
	}, {
		Name: "a recall that does not wait for the tenant", File: "lease.go",
		Old: "	if wait {\n		waitFor(left)", New: "	if true {\n		_ = left",
		Test: torture, Expect: broken,
	}, {
		Name: "a recall that forgets code with calls", File: "lease.go",
		Old: "atomic.LoadUint32(&le.busy) == 0 && atomic.LoadUint32(&le.away) == 0", New: "atomic.LoadUint32(&le.busy) == 0",
		Test: torture, Expect: broken,
	}, {
		Name: "Alloc by anybody's key", File: "alloc.go",
		Old: "plainOwner && le.key == key", New: "plainOwner && le.key != 0",
		Test: torture, Expect: broken,
	}, {
		// It dawdles where the lease may end.
		Name: "Free that does not look whether it was recalled", File: "free.go",
		Old: "le.open() && s.owns(obj)", New: "le.away == 0 && s.owns(obj)",
		Edits: []mutant.Edit{
			{File: "lease.go", Old: "var nobody = new(lease)\n", New: "var nobody = new(lease)\n\nvar jam [64]uint64\n"},
			{File: "free.go", Old: "		le.busy = 1 // A", New: "		for i := range uintptr(3000) {\n			jam[key%64] = uint64(i)\n		}\n		le.busy = 1 // A"},
		},
		Test: torture, Expect: broken,
	}, {
		Name: "slow paths with a slot of their own", File: "slots_unsafe.go",
		Old: "key := at.key()", New: "var here mark\n	key := here.key()",
		Test: "^TestBorrowAtMark$", Expect: "another slot",
	}, {
		Name: "slots let for ever", File: "slots_unsafe.go",
		Old: "		c.evict(s, s.lease.Load())", New: "		_ = s",
		Test: "^TestAllLet$", Expect: "this hangs",
	}, {
		Name: "growth for a slot that is not asked again", File: "alloc.go",
		Old: "if !s.take() {", New: "if true {",
		Test: "^TestGrowsOnce$", Expect: "one object of .* in 2 slabs",
	}, {
		Name: "a call while the key must hold", File: "alloc.go",
		Old: "			if obj := s.hot; obj != 0 {\n				s.hot = 0\n				le.busy = 0", New: "			if obj := s.hot; obj != 0 {\n				s.hot = 0\n				c.lockQuiet()\n				c.unlock()\n				le.busy = 0",
		Test: "^TestLeaseHasNoCalls$", Expect: "Alloc calls",
	}})
}
