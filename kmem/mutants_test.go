package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestMutants takes one mechanism of the walk out at a time and shows which test
// sees it.
func TestMutants(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	const (
		torture  = "^TestSlabTorture$"
		tortured = "handed out twice|double free|foreign pointer|in its owner's hands|allocations, [0-9]+ frees|still allocated|runtime error|SIGSEGV"
	)
	mutant.Run(t, []mutant.Mutant{{
		Name: "the flag off: pages go at once", File: "destroy.go",
		Old: "if c.flags&DestroyByRCU != 0 {", New: "if false {",
		Test: "^TestTypeStability$", Expect: "lost its type|foreign object .* was written|overwritten|fault",
	}, {
		Name: "the flag off: not in limbo", File: "destroy.go",
		Old: "if c.flags&DestroyByRCU != 0 {", New: "if false {",
		Test: "^TestLimbo$", Expect: "inside the section the object reads|in limbo",
	}, {
		Name: "destroy without a barrier", File: "cachedestroy.go",
		Old: "if c.flags&DestroyByRCU != 0 {", New: "if false {",
		Test: "^TestDestroyWaitsForReaders$", Expect: "destroyed inside a reader's section|nil pointer",
	}, {
		Name: "a drainer that does not wait for the owner", File: "drain.go",
		Old: "waitFor(func() bool { return atomic.LoadUint32(&l.busy) == 0 })", New: "",
		Test: "^TestDrainTorture$", Expect: tortured,
	}, {
		Name: "an owner that does not look", Edits: []mutant.Edit{
			{File: "alloc.go", Old: "if l.stolen == 0 {\n", New: "{\n"},
			{File: "free.go", Old: "if l.stolen == 0 && l.avail < l.limit {", New: "if l.avail < l.limit {"},
		},
		Test: "^TestDrainTorture$", Expect: tortured,
	}, {
		Name: "a drainer that does not fence", File: "drain.go",
		Old: "		urcu.HeavyFence()\n", New: "		_ = urcu.HeavyFence\n",
		Test: "^TestDrainTorture$", Expect: tortured,
	}, {
		Name: "a token for everybody", File: "slots_unsafe.go",
		Old: "return atomic.SwapUint32(&s.token, 1) == 0 }", New: "atomic.SwapUint32(&s.token, 1); return true }",
		Test: `^TestSlabTorture$/^layout=native$/^tokens$`, Expect: tortured,
	}, {
		Name: "an object stays on its slab when it is taken", File: "slab.go",
		Old: "		*p = mask\n", New: "",
		Test: torture, Expect: "handed out twice|double free",
	}, {
		Name: "double frees at the slab unseen", File: "slab.go",
		Old: "	if *p&bit != 0 {\n		return false\n	}\n", New: "",
		Test: "^TestDoubleFreeAtFlush$", Expect: "no panic, want .*double free",
	}, {
		Name: "the top of the array not looked at", File: "arraycache.go",
		Old: "return a.hot == obj || a.under == obj }", New: "return false }",
		Test: "^TestFreeRefuses$", Expect: "no panic, want \"double free\"",
	}, {
		Name: "any offset on the page will do", File: "frame.go",
		Old: "return p.owner == f.id && f.divide.starts(p.rel(off))", New: "return p.owner == f.id",
		Test: "^TestFreeRefuses$", Expect: "misaligned|SIGSEGV",
	}, {
		Name: "a constructor for all objects but one", File: "grow.go",
		Old: "for i := uintptr(0); i < uintptr(c.num); i++ {\n		c.ctor", New: "for i := uintptr(1); i < uintptr(c.num); i++ {\n		c.ctor",
		Test: "^TestWalk$", Expect: "constructed",
	}, {
		Name: "a slab lost when its constructor panics", File: "grow.go",
		Old: "if done < c.num {", New: "if done < c.num && false {",
		Test: "^TestCtorPanics$", Expect: "bytes live|still allocated",
	}, {
		Name: "one colour", File: "grow.go",
		Old: "if c.colourNext++; c.colourNext >= c.geo.Colours {", New: "if true {",
		Test: "^TestColour$", Expect: "offsets",
	}, {
		Name: "pages lost when there is no descriptor", File: "grow.go",
		Old: "if p == nil {\n			c.heap", New: "if false {\n			c.heap",
		Test: "^TestDescriptorRefused$", Expect: "live",
	}, {
		Name: "no limit", File: "heap.go",
		Old: "limit = min(limit, o.Limit>>pageShift)", New: "_ = o.Limit",
		Test: "^TestLimit$", Expect: "at the limit|reservation",
	}, {
		Name: "a CPU that goes keeps its objects", File: "local.go",
		Old: "c.locals[id] == nil || c.dead() {", New: "c.locals[id] == nil || true {",
		Test: "^TestHotplug$", Expect: "after the CPUs went",
	}, {
		Name: "limbo uncounted", File: "destroy.go",
		Old: "	h.addLimbo(int64(n) << c.geo.Order)\n", New: "",
		Test: "^TestLimbo$", Expect: "in limbo",
	}, {
		Name: "limbo unmarked", File: "destroy.go",
		Old: "c.id|ownerLimbo)", New: "c.id)",
		Test: "^TestLimboFree$", Expect: "its slab is in limbo",
	}, {
		Name: "the rest of a batch forgotten", File: "buddy.go",
		Old: "		rcu = b.h.inLimbo(uintptr(r.next))", New: "		rcu = nil",
		Test: "^TestLimboBatch$", Expect: "of pages in use|still in limbo",
	}, {
		Name: "the overlay read after the pages went", File: "buddy.go",
		Old: "		rcu = b.h.inLimbo(uintptr(r.next))", New: "		_ = b.region.Discard(uintptr(r.page)<<pageShift, pageSize)\n		rcu = b.h.inLimbo(uintptr(rcu.next))",
		Test: "^TestLimboBatch$", Expect: "nil pointer|SIGSEGV|of pages in use|still in limbo",
	}, {
		Name: "free objects miscounted", File: "cache.go",
		Old: "	l.remove(off)\n	l.freeObjects -= int(c.num)\n", New: "	l.remove(off)\n",
		Test: torture, Tags: "invariants", Expect: "free objects, counted",
	}, {
		Name: "a page handed out twice", File: "buddy.go",
		Old: "	b.unlink(f.first, f.order)\n	if f.order >= pageblock {", New: "	if f.order != order {\n		b.unlink(f.first, f.order)\n	}\n	if f.order >= pageblock {",
		Test: "^TestBuddyModel$", Expect: "handed out twice|block [0-9]+ of order",
	}})
}
