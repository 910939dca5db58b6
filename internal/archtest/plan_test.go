package archtest

import (
	"os"
	"testing"
)

// plan is the house of this module, level by level from the top. A room may be
// planned before it is built; none may be built that is not planned.
var plan = Rules{
	Rooms: []Room{
		{"cmd/slabbench", 5, []string{
			"bench",
			"kmem", // its Flags, to parse them
			"kmempprof",
			"github.com/schollz/progressbar/v3",
			"golang.org/x/perf",
			"gonum.org/v1/plot", // the pictures of the report
		}},
		{"bench", 4, []string{
			"rcumap", "rmap", "kmem", "urcu", "smp", "internal/perfevent",
			"golang.org/x/perf",
			"github.com/HdrHistogram/hdrhistogram-go",
		}},
		{"kmempprof", 3, []string{"kmem", "github.com/google/pprof/profile"}},
		{"rmap", 3, []string{"kmem", "urcu", "smp", "internal/invariant"}},
		{"rcumap", 3, []string{"kmem", "urcu", "smp", "internal/invariant"}},
		{"kmem", 2, []string{"urcu", "smp", "internal/mmap", "internal/invariant"}},
		{"urcu", 1, []string{"smp", "internal/invariant", "golang.org/x/sys/unix"}},
		{"smp", 0, []string{"golang.org/x/sys/unix", "github.com/klauspost/cpuid/v2"}},
		{"internal/mmap", 0, []string{"golang.org/x/sys/unix"}},
		{"internal/perfevent", 0, []string{"golang.org/x/sys/unix"}},
		{"internal/invariant", 0, nil},

		// For tests: nobody's code may import these.
		{"internal/mutant", 0, nil},
		{"internal/machinecode", 0, nil},
		{"internal/archtest", 0, nil},
	},
	UnsafeIn: []string{"*_unsafe.go", "*_unsafe_test.go", "internal/mmap/*.go"},
	UnixIn: []string{"smp/*.go", "internal/mmap/*.go", "internal/perfevent/*.go",
		"urcu/membarrier_linux.go", "urcu/membarrier_linux_test.go"},
	BadNames: []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "z"},
	LongFile: 60,
}

// TestHouse holds this module to its plan.
func TestHouse(t *testing.T) {
	faults, err := Check(os.DirFS("../.."), plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Error(f)
	}
}
