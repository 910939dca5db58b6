package rcumap

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestMutants takes one mechanism out at a time and shows that the torture sees
// it.
func TestMutants(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("the plain lane runs these; each is a build of its own")
	}
	const (
		lost = "is there all the time, and was not found|not found while it was there"
		torn = "torn, or somebody else's"
	)
	mutant.Run(t, []mutant.Mutant{{
		Name: "any end will do", File: "lookup.go",
		Old: "if l.bucket() != b {", New: "if false {",
		Test: "^TestTortureChains$", Expect: lost,
	}, {
		Name: "the bucket not looked up again", File: "lookup.go",
		Old: "if now, _ := m.locate(h); now != b {", New: "if false {",
		Test: "^TestTortureSplits$", Expect: lost,
	}, {
		Name: "the sequence not looked at again", File: "lookup.go",
		Old: "if n.seq.ReadRetry(seq) {", New: "if _ = seq; false {",
		Test: "^TestTortureValues$", Expect: torn,
	}, {
		Name: "nodes that are not live found too", File: "lookup.go",
		Old: "if !live {", New: "if _ = live; false {",
		Test: "^TestTortureValues$", Expect: torn + "|after it was deleted|version",
	}, {
		Name: "published before it is filled", File: "update.go",
		Old:  "	n.fill(key, value, head)\n	storeRelease(m.table.Load().bucket(b), uint64(m.linkTo(n)))\n	n.live()\n",
		New:  "	storeRelease(m.table.Load().bucket(b), uint64(m.linkTo(n)))\n	n.live()\n	n.fill(key, value, head)\n",
		Test: "^TestTortureValues$", Expect: lost + "|" + torn + "|version|SIGSEGV",
	}, {
		Name: "keys leave the old bucket before they are in the new one", File: "grow.go",
		Old: "	t.bucket(b).Store(uint64(head)) // published\n", New: "",
		Edits: []mutant.Edit{{File: "grow.go", Old: "	return 0\n}\n\n// divide", New: "	t.bucket(b).Store(uint64(head))\n	return 0\n}\n\n// divide"}},
		Test:  "^TestTortureSplits$", Expect: lost,
	}, {
		Name: "a node allocated under the stripe's lock", File: "update.go",
		Old: "		st.mu.Unlock()\n		if fresh = by.alloc(); fresh == nil { // no", New: "		fresh = by.alloc()\n		st.mu.Unlock()\n		if fresh == nil { // no",
		Test: "^TestShrinkerEvicts$", Expect: "this hangs",
	}, {
		Name: "nodes freed under the stripe's lock", File: "map.go",
		Old: "		st.mu.Unlock()\n		for _, n := range dead { // no lock is held: callbacks may run\n			m.any.free(n)\n		}\n", New: "		for _, n := range dead {\n			m.any.free(n)\n		}\n		st.mu.Unlock()\n",
		Test: "^TestCallbackDeletes$", Expect: "this hangs",
	}, {
		Name: "a hole in a table that could not grow", File: "table.go",
		Old: "!done && i < top", New: "!done && i < 0",
		Test: "^TestHalfGrown$", Expect: "still allocated|nil pointer|SIGSEGV",
	}, {
		Name: "the flag off: nodes' pages go at once", File: "map.go",
		Old: "Flags: o.Flags | kmem.DestroyByRCU,", New: "Flags: o.Flags,",
		Test: "^TestTorturePages$", Expect: lost + "|" + torn + "|SIGSEGV|fault|runtime error",
	}})
}
