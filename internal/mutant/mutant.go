// The table and its verdicts as a test. See doc.go; the work is in try.go.

package mutant

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Env is set, to the mutant's name, in the process that runs a mutant's test.
const Env = "SLABRCU_MUTANT"

// A Mutant is one planted fault and the test that must catch it.
type Mutant struct {
	Name string // unique in its table

	// The fault: one edit here, or several in Edits, or both.
	File, Old, New string
	Edits          []Edit

	// The test that must fail.
	Pkg  string   // directory of the package, from the module's root; empty: the caller's own
	Test string   // -test.run
	Tags string   // -tags, comma separated
	Race bool     // build with -race
	Env  []string // KEY=value, added to the environment

	// What counts as caught.
	Expect       string        // regexp that the output must match; empty: any failure
	Timeout      time.Duration // of the test; 0: one minute
	HangIsCaught bool          // running into Timeout is a detection too
}

// An Edit replaces the only occurrence of Old in File by New. File is a path
// from the module's root; one without a slash lies in the mutant's Pkg.
type Edit struct {
	File, Old, New string
}

// Run builds the mutants and tries them one after another, each as a subtest, and
// fails for each that is not caught. It logs the line of output that is the
// evidence, and the seconds to detection. It skips under -short, and inside a
// mutant's own process.
func Run(t *testing.T, table []Mutant) {
	t.Helper()
	if os.Getenv(Env) != "" {
		t.Skip("this process runs a mutant already")
	}
	if testing.Short() {
		t.Skip("-short: every mutant is a build and a run of its own")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("mutants are built by the go command: %v", err)
	}
	root, dir, err := locate()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range prepareAll(t, root, dir, table) {
		t.Run(b.Name, func(t *testing.T) {
			v := b.try(root)
			if v.kind == caught {
				t.Log(v)
				return
			}
			t.Errorf("%v\n%s", v, v.output)
		})
	}
}

// prepareAll builds the whole table, a mutant per processor at a time, before
// the first test runs: builds share the cores, tests get them to themselves.
func prepareAll(t *testing.T, root, dir string, table []Mutant) []built {
	all := make([]built, len(table))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range table {
		m, tmp := table[i], t.TempDir()
		if m.Pkg == "" {
			m.Pkg = dir
		}
		wg.Go(func() {
			slots <- struct{}{}
			all[i] = m.prepare(root, tmp)
			<-slots
		})
	}
	wg.Wait()
	return all
}

// locate returns the module's root and the working directory below it, which
// for a test is its package's.
func locate() (root, dir string, err error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	for root = wd; ; root = filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			dir, err = filepath.Rel(root, wd)
			return root, dir, err
		}
		if root == filepath.Dir(root) {
			return "", "", fmt.Errorf("mutant: no go.mod in %s or above", wd)
		}
	}
}

// kind is what became of a mutant.
type kind string

const (
	caught    kind = "caught"
	survived  kind = "SURVIVED"
	rotten    kind = "ROTTEN"
	stillborn kind = "STILLBORN"
	astray    kind = "ASTRAY"
	hung      kind = "HUNG"
)

// verdict is what became of a mutant, and why we think so.
type verdict struct {
	kind     kind
	evidence string        // one line
	after    time.Duration // of running the test
	output   string        // of the compiler or the test
}

func (v verdict) String() string {
	if v.after == 0 {
		return fmt.Sprintf("%s: %s", v.kind, v.evidence)
	}
	return fmt.Sprintf("%s after %.2f s: %s", v.kind, v.after.Seconds(), v.evidence)
}
