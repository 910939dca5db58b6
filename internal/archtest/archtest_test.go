package archtest

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const doc = "// Package p is documented.\npackage p\n"

// sound is a small house without a fault. Its module is not ours, as after a
// rename.
func sound() fstest.MapFS {
	m := fstest.MapFS{}
	for name, src := range map[string]string{
		"go.mod":                        "module example.com/me/x\n\ngo 1.26\n",
		"kmem/doc.go":                   doc,
		"kmem/slab.go":                  "// The slab. See doc.go.\n\npackage p\n\nimport (\n\t\"sync\"\n\t\"example.com/me/x/urcu\"\n)\n",
		"kmem/slab_unsafe.go":           "package p\n\nimport \"unsafe\"\n",
		"kmem/slab_test.go":             "package p_test\n\nimport (\n\t\"example.com/me/x/bench\"\n\t\"pgregory.net/rapid\"\n)\n",
		"bench/bench.go":                doc + "\nimport (\n\t\"example.com/me/x/kmem\"\n\t\"golang.org/x/perf/benchfmt\"\n)\n",
		"bench/peers/go.mod":            "module example.com/me/x/bench/peers\n",
		"bench/peers/util/c.go":         "package util\n\nimport \"C\"\n",
		"urcu/urcu.go":                  doc,
		"urcu/membarrier_linux.go":      "package p\n\nimport \"golang.org/x/sys/unix\"\n",
		"internal/mmap/mmap.go":         doc + "\nimport (\n\t\"golang.org/x/sys/unix\"\n\t\"unsafe\"\n)\n",
		"internal/testdata/anything.go": "package common\n",
		".hidden/anything.go":           "package common\n",
	} {
		m[name] = &fstest.MapFile{Data: []byte(src)}
	}
	return m
}

// TestPlantedFaults changes one file of the sound house at a time.
func TestPlantedFaults(t *testing.T) {
	imports := func(path string) string { return "package p\n\nimport _ \"" + path + "\"\n" }
	for _, c := range []struct {
		name, file, src string
		want            string // the only fault; empty: none
	}{
		{"nothing", "kmem/more.go", "package p\n", ""},
		{"an arrow that turns back", "urcu/x.go", imports("example.com/me/x/kmem"),
			"urcu/x.go: imports kmem: urcu (level 1) may import smp, internal/invariant, golang.org/x/sys/unix"},
		{"an arrow to the command", "bench/x.go", imports("example.com/me/x/cmd/slabbench"), "bench/x.go: imports cmd/slabbench"},
		{"an arrow to test support", "kmem/x.go", imports("example.com/me/x/internal/mutant"), "kmem/x.go: imports internal/mutant"},
		{"an arrow to the module's root", "kmem/x.go", imports("example.com/me/x"), "kmem/x.go: imports example.com/me/x"},
		{"an arrow of another system", "urcu/x_darwin.go", "//go:build darwin && arm64\n\n" + imports("example.com/me/x/kmem"),
			"urcu/x_darwin.go: imports kmem"},
		{"a tool for tests", "kmem/x.go", imports("pgregory.net/rapid"), "kmem/x.go: imports pgregory.net/rapid"},
		{"a heavy library", "kmem/x.go", imports("github.com/HdrHistogram/hdrhistogram-go"), "kmem/x.go: imports github.com/HdrHistogram"},
		{"a library like an allowed one", "bench/x.go", imports("golang.org/x/perfidious"), "bench/x.go: imports golang.org/x/perfidious"},
		{"a library in a leaf", "internal/invariant/invariant.go", doc + "\nimport _ \"golang.org/x/perf\"\n",
			"internal/invariant/invariant.go: imports golang.org/x/perf: internal/invariant (level 0) may import the standard library alone"},
		{"unsafe in a common file", "kmem/x.go", imports("unsafe"), "kmem/x.go: imports unsafe: want a file like *_unsafe.go"},
		{"unsafe in a common test", "kmem/x_test.go", imports("unsafe"), "kmem/x_test.go: imports unsafe"},
		{"unsafe in its test", "kmem/x_unsafe_test.go", imports("unsafe"), ""},
		{"a raw system call", "urcu/x_linux.go", imports("golang.org/x/sys/unix"), "urcu/x_linux.go: imports golang.org/x/sys/unix: want"},
		{"a raw system call in a test", "kmem/x_test.go", imports("golang.org/x/sys/unix"), "kmem/x_test.go: imports golang.org/x/sys/unix"},
		{"cgo", "kmem/x.go", imports("C"), "kmem/x.go: imports C"},
		{"cgo in a test", "kmem/x_test.go", imports("C"), "kmem/x_test.go: imports C"},
		{"a room without a plan", "shed/shed.go", doc, "shed: is not in the plan"},
		{"a name that says nothing", "smp/smp.go", "// Package util is.\npackage util\n", "smp: package util"},
		{"no package comment", "urcu/urcu.go", "package p\n", "urcu: no package comment: want one in doc.go or urcu.go"},
		{"a place comment glued to the clause", "kmem/x.go", "// The place.\npackage p\n", "kmem/x.go: has a package comment"},
		{"a long file without a place", "kmem/x.go", "//go:build linux\n\npackage p\n" + strings.Repeat("\n", 60), "kmem/x.go: 63 lines and no comment"},
		{"a long file with one", "kmem/x.go", "//go:build linux\n\n// The place.\n\npackage p\n" + strings.Repeat("\n", 60), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := sound()
			tree[c.file] = &fstest.MapFile{Data: []byte(c.src)}
			faults, err := Check(tree, plan)
			if err != nil {
				t.Fatal(err)
			}
			// A second package comment makes the first one a fault too.
			faults = slices.DeleteFunc(faults, func(f string) bool { return strings.HasPrefix(f, "kmem/doc.go") })
			switch {
			case c.want == "" && len(faults) > 0:
				t.Errorf("found %q in a sound house", faults)
			case c.want != "" && (len(faults) != 1 || !strings.HasPrefix(faults[0], c.want)):
				t.Errorf("found %q\nwant  %q alone", faults, c.want)
			}
		})
	}
}

func TestPlanThatTurnsBack(t *testing.T) {
	bad := Rules{LongFile: 60, Rooms: []Room{{"kmem", 1, []string{"bench"}}, {"bench", 1, nil}}}
	faults, err := Check(fstest.MapFS{"go.mod": {Data: []byte("module x\n")}}, bad)
	if err != nil || len(faults) != 1 || faults[0] != "plan: kmem (level 1) may import bench (level 1): want a lower level" {
		t.Errorf("found %q, error %v", faults, err)
	}
}

func TestUnreadableTrees(t *testing.T) {
	for name, tree := range map[string]fstest.MapFS{
		"no go.mod":      {},
		"no module line": {"go.mod": {Data: []byte("go 1.26\n")}},
		"no Go":          {"go.mod": {Data: []byte("module x\n")}, "kmem/x.go": {Data: []byte("pack age")}},
	} {
		if _, err := Check(tree, plan); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
