package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestMutantsUsers: what guards against users' code that panics, allocates or waits where
// it is called, and against calls after the end.
func TestMutantsUsers(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	forEver := mutant.Edit{File: "pressure.go", Old: "time.Now().After(end)", New: "time.Now().After(end.Add(time.Hour))"}
	mutant.Run(t, []mutant.Mutant{{
		Name: "a cache that outlives its destructor's panic", File: "cachedestroy.go",
		Old: "		defer c.bury() // when a destructor panics, too\n", New: "",
		Edits: []mutant.Edit{{File: "cachedestroy.go", Old: "	return nil\n}\n\n// bury", New: "	c.bury()\n	return nil\n}\n\n// bury"}},
		Test:  "^TestDestroyDtorPanics$", Expect: "cache exists",
	}, {
		Name: "a slab lost between two panics", File: "grow.go",
		Old: "			defer c.releaseSlab(off) // also when the destructor panics\n", New: "",
		Edits: []mutant.Edit{{File: "grow.go", Old: "				c.eachObject(off, done, c.dtor)\n			}\n", New: "				c.eachObject(off, done, c.dtor)\n			}\n			c.releaseSlab(off)\n"}},
		Test:  "^TestCtorAndDtorPanic$", Expect: "bytes live",
	}, {
		Name: "a slab lost with its tracks", File: "debugtrack.go",
		Old: "		if !done {", New: "		if !done && false {",
		Test: "^TestTracksShrinkerPanics$", Expect: "bytes live",
	}, {
		Name: "a bulk lost with a constructor", File: "bulk.go",
		Old: "		if n < len(dst) { // there", New: "		if n < len(dst) && n == 0 { // there",
		Test: "^TestBulkCtorPanics$", Expect: "objects are out",
	}, {
		Name: "hot slots of a CPU that has gone", File: "local.go",
		Old: "	l.divide.span = 0 ", New: "	l.divide.span += 0 ",
		Test: "^TestGoneHandle$", Expect: "no panic",
	}, {
		Name: "a slab that has gone gets its object", File: "lists.go",
		Old: "		if l.h.pageOwner(n) != c.id {", New: "		if n == 0 {",
		Test: "^TestDoubleFreeOfGone$", Expect: "no panic|unexpected fault address",
	}, {
		Name: "counted, and ended later", File: "cachedestroy.go",
		Old: "	for _, l := range c.locals {\n		if l != nil {\n			twice = max", New: "	c.unlock()\n	patient(func() bool { return false })\n	c.lock()\n	for _, l := range c.locals {\n		if l != nil {\n			twice = max",
		Test: "^TestDestroyOrAllocBulk$", Expect: "destroyed, and objects",
	}, {
		Name: "a barrier that looks at slots alone", File: "deferred.go",
		Old: "	waitFor(func() bool { return d.leaving.Load() == 0 })", New: "	_ = d",
		Test: "^TestBarrierDeferred$", Expect: "with an object on its way",
	}, {
		Name: "pressure inside of pressure", File: "pressure.go",
		Old: "p.by.Load() != me", New: "p.by.Load() != me+1",
		Edits: []mutant.Edit{forEver},
		Test:  "^Test(Dtor|Callback)AllocatesAtLimit$", Expect: "this hangs",
	}, {
		Name:  "pressure waited for, come what may",
		Edits: []mutant.Edit{forEver},
		Test:  "^TestDtorLocksAtLimit$", Expect: "this hangs",
	}, {
		Name: "shrinkers asked for a block", File: "pressure.go",
		Old: "	if c == h.blocks.Load() {", New: "	if c == nil {",
		Test: "^TestDeferredAsksNobody$", Expect: "panic: shrinker",
	}, {
		Name: "a shrinker waited for inside of another", File: "shrinker.go",
		Old: "if waited && inside {", New: "if waited && inside && false {",
		Test: "^TestShrinkersMeet$", Expect: "this hangs",
	}})
}
