package kmem

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestSystemFails builds this package over an internal/mmap whose system calls
// can be made to fail, and runs a heap's life once for each call that fails. The
// changed files exist for that build alone: testdata/faults.
func TestSystemFails(t *testing.T) {
	switch {
	case testing.Short() || os.Getenv(mutant.Env) != "":
		t.Skip("a build and a run of its own")
	case mmap.HeapBacked:
		t.Skip("pages come from the Go heap here: there is no call to fail")
	}
	if _, err := os.Stat("/proc/self/smaps"); err != nil {
		t.Skip("this system does not say what is mapped")
	}
	overlay := faultOverlay(t)
	binary := filepath.Join(t.TempDir(), "faults.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay="+overlay, "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	out, err := exec.Command(binary, "-test.run=^TestInjected$", "-test.v", "-test.timeout=2m").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, line := range regexp.MustCompile(`(?m)heap .* nothing lost$`).FindAllString(string(out), -1) {
		t.Log(line)
	}
}

// faultOverlay plants the faults and returns the file that names them.
func faultOverlay(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	abs := func(name string) string {
		name, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	files, err := filepath.Glob("../internal/mmap/*.go")
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`\bunix\.(MmapPtr|MunmapPtr|Mprotect|Madvise)\(`)
	calls := 0
	for _, file := range files {
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") || !call.Match(old) {
			continue
		}
		calls += len(call.FindAll(old, -1))
		changed := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(changed, call.ReplaceAll(old, []byte("inject$1(")), 0o644); err != nil {
			t.Fatal(err)
		}
		replace[abs(file)] = changed
	}
	if calls < 10 {
		t.Fatalf("only %d system calls found to make fail", calls)
	}
	replace[abs("../internal/mmap/inject.go")] = abs("testdata/faults/inject_unsafe.go")
	replace[abs("injected_test.go")] = abs("testdata/faults/injected_test.go")
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return overlay
}
