//go:build !race

package mmap

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

func TestMutants(t *testing.T) {
	mutant.Run(t, []mutant.Mutant{
		{
			Name: "discard keeps the memory",
			File: "system_linux.go", Old: "unix.MADV_DONTNEED)", New: "unix.MADV_NORMAL)",
			Test: "^TestDiscardReadsZero$|^TestResidentFollows$",
		},
		{
			Name: "retire leaves the pages readable",
			File: "system_unix.go", Old: "r.remap(0, r.size, unix.PROT_NONE)", New: "r.remap(0, r.size, unix.PROT_READ)",
			Test: "^TestFaults$", Expect: "a retired page can be read",
		},
		{
			Name: "retire leaves the split mappings",
			File: "system_unix.go", Old: "err := r.remap(0, r.size, unix.PROT_NONE)", New: "err := error(nil)",
			Test: "^TestRetireLeavesOneMapping$", Expect: "left [0-9]+ mappings",
		},
		{
			Name: "the unit of the system is forgotten",
			File: "region.go", Old: "lo, hi := roundUp(off, sysPage), roundDown(off+n, sysPage)\n\tif lo >= hi {\n\t\tclear(",
			New:  "lo, hi := roundDown(off, sysPage), roundUp(off+n, sysPage)\n\tif lo >= hi {\n\t\tclear(",
			Test: "^TestLargeSystemPage$",
		},
		{
			Name: "a refused commit is not said",
			File: "region.go", Old: "return failed(\"commit\", p, n, err)", New: "_ = p",
			Test: "^TestCommitFails$", Expect: "Commit above the limit: <nil>",
		},
		{
			Name: "populate without memory",
			File: "system_linux.go", Old: "unix.MADV_POPULATE_WRITE)", New: "unix.MADV_NORMAL)",
			Test: "^TestPopulate$", Expect: "resident",
		},
		{
			Name: "bounds wrap",
			File: "region.go", Old: "n > r.size-off {", New: "off+n > r.size {",
			Test: "^TestMisusePanics$", Expect: "wrapping",
		},
	})
}
