//go:build !race && !invariants

package urcu

import (
	"os/exec"
	"regexp"
	"runtime"
	"testing"
)

// What must inline, does: the margin is a few points of the compiler's budget.
func TestFastPathsInline(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("fast_amd64.go is measured")
	}
	out, err := exec.Command("go", "build", "-gcflags=-m", ".").CombinedOutput()
	if err != nil {
		t.Skipf("go build: %v\n%s", err, out)
	}
	for _, f := range []string{
		`\(\*QSBRReader\)\.Lock`, `\(\*QSBRReader\)\.Unlock`, `\(\*QSBRReader\)\.QuiescentState`,
		`\(\*MembReader\)\.Lock`, `\(\*MembReader\)\.Unlock`,
		`\(\*MBReader\)\.Lock`, `\(\*MBReader\)\.Unlock`,
		`\(\*record\)\.lockMB`, `\(\*record\)\.unlockMB`, `\(\*record\)\.lockMemb`, `\(\*record\)\.unlockMemb`,
		`Section\.Exit`, `stackSlot`, `\(\*Domain\)\.done`,
	} {
		if !regexp.MustCompile(`can inline ` + f + `\b`).Match(out) {
			t.Errorf("%s does not inline", f)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *Domain) {
		r := d.Register("r")
		defer r.Unregister()
		ps, _ := parcels(1)
		zero := func(name string, f func()) {
			t.Helper()
			if n := testing.AllocsPerRun(200, f); n != 0 {
				t.Errorf("%s allocates %v times", name, n)
			}
		}
		zero("Lock and Unlock", func() { r.Lock(); burn(); r.Unlock() })
		zero("QuiescentState", r.QuiescentState)
		zero("Enter and Exit", func() { d.Enter().Exit() })
		zero("nested Enter", func() { a, b := d.Enter(), d.Enter(); b.Exit(); a.Exit() })
		zero("Reader.Synchronize", r.Synchronize)
		zero("StartPoll and Poll", func() {
			for c := d.StartPoll(); !d.Poll(c); {
				r.QuiescentState()
			}
		})
		zero("Call and Drive", func() {
			d.Call(&ps[0].head, deliver)
			for ps[0].head.state != 0 {
				r.QuiescentState()
				d.Drive()
			}
		})
	})
}
