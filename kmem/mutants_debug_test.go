package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestMutantsDebug takes a check, or a rule of sampling, out at a time.
func TestMutantsDebug(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	mutant.Run(t, []mutant.Mutant{{
		Name: "poison not looked at", File: "poison.go",
		Old: "if d.poison.free == nil || d.poison.inaccessible {", New: "if true {",
		Test: "^TestPlantedCorruption$", Expect: "0 reports",
	}, {
		Name: "the mask not looked at", File: "debug.go",
		Old: "	if s.has(i) {\n		return d.report(\"Free\"", New: "	if false {\n		return d.report(\"Free\"",
		Test: "^TestPlantedCorruption$", Expect: "red zone overwritten.*want double free|0 reports",
	}, {
		Name: "no last look at a slab", File: "debug.go",
		Old: "		bad = append(bad, d.look(\"end of a slab\", s)...)\n", New: "",
		Test: "^TestPlantedCorruption$", Expect: "0 reports",
	}, {
		Name: "all bytes of a constructed object count", File: "debugverify.go",
		Old: "		k.set[i] = k.set[i] && b[i] == k.bytes[i]\n", New: "		_ = i\n",
		Test: "^TestDebugInitialLearns$", Expect: "freed in a state",
	}, {
		Name: "a sample stays accessible", File: "guardfree.go",
		Old: "if g.h.buddy.region.Guard(g.place(i), g.unit) != nil {", New: "if false {",
		Test: "^TestGuardFaults$", Expect: "fault at 0x0",
	}, {
		Name: "a sample does not wait for readers", File: "guardfree.go",
		Old: "	if c.flags&DestroyByRCU != 0 {", New: "	if false {",
		Test: "^TestGuardTypeStable$", Expect: "fault|changed inside",
	}, {
		Name: "one sample and not a window", File: "profile.go",
		Old: "const profileWindow = 8", New: "const profileWindow = 1",
		Test: "^TestProfile$", Expect: "in use: [0-9]+ much",
	}, {
		Name: "samples without heirs", File: "profile.go",
		Old: "	return p.inherit(end)", New: "	_ = end\n	return false",
		Test: "^TestProfileHeirs$", Expect: "call site that has none",
	}})
}
