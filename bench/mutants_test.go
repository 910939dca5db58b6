package bench

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestMutants takes one mechanism out at a time and shows which torture of
// -verify sees it.
func TestMutants(t *testing.T) {
	if raceEnabled {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	mutant.Run(t, []mutant.Mutant{{
		Name: "slab: an object stays on its slab when it is taken",
		File: "kmem/slab.go", Old: "		*p = mask\n", New: "",
		Test: "^TestTorture$/^slab$", Expect: "(× (duplicate|panic|state))|double free|fatal error: fault",
	}, {
		Name: "grace period: every reader counts as gone",
		File: "urcu/record.go", Old: "return quiet(w) || reached(w, t)", New: "return true || reached(w, t)",
		Test: "^TestTorture$/^grace-period$", Expect: "× (early|order)",
	}, {
		Name: "type stability: pages go at once",
		File: "kmem/destroy.go", Old: "if c.flags&DestroyByRCU != 0 {", New: "if false {",
		Test: "^TestTorture$/^type-stability$/^ref$", Expect: "× (foreign|type)",
	}, {
		Name: "type stability by lock: pages go at once",
		File: "kmem/destroy.go", Old: "if c.flags&DestroyByRCU != 0 {", New: "if false {",
		Test: "^TestTorture$/^type-stability$/^lock$", Expect: "× (foreign|type)|unlock of unlocked mutex|fault",
	}})
}
