package main

import (
	"os/exec"
	"strings"
	"testing"
)

// With the flag torture finds nothing, and says what it did.
func TestVerify(t *testing.T) {
	stdout, stderr, status := command(t, "-verify", "-flags=destroy_by_rcu", "-benchtime=1s")
	if status != statusOK || stdout != "" {
		t.Errorf("status %d, output %q:\n%s", status, stdout, stderr)
	}
	wantParts(t, "stderr", stderr, "slab, ", "grace-period/qsbr", "grace-period/mb", "type-stability/lock",
		"objects handed out", "seen at age 1", "must hold", "Nothing found with flags=destroy_by_rcu")
	if strings.Contains(stderr, "negative control") {
		t.Errorf("this is no control:\n%s", stderr)
	}
}

// The negative control finds what the flag prevents, and says what it means.
func TestNegativeControl(t *testing.T) {
	if raceEnabled(t) {
		t.Skip("under the race detector pages are memory of the Go heap, and the detector finds the damage first")
	}
	_, stderr, status := control(t, "-verify", "-flags=none", "-benchtime=2s")
	if status != statusFailed {
		t.Errorf("status %d", status)
	}
	wantParts(t, "stderr", stderr, "Found with flags=none", "negative control", "-flags=destroy_by_rcu the same readers find nothing")
	t.Log(stderr)
}

// Flags that are refused are neither found nor fine.
func TestVerifyRefused(t *testing.T) {
	_, stderr, status := command(t, "-verify", "-flags=destroy_by_rcu,poison", "-benchtime=100ms")
	if status != statusFailed {
		t.Errorf("status %d", status)
	}
	wantParts(t, "stderr", stderr, "could not run", "refused")
}

// The command as a process of its own: stdout to benchstat.
func TestBenchstatReads(t *testing.T) {
	if testing.Short() {
		t.Skip("builds benchstat")
	}
	dir := t.TempDir()
	if _, stderr, status := command(t, "-bench=GrowShrink", "-size=64", "-cpu=1", "-benchtime=10x", "-compare=none,destroy_by_rcu", "-o="+dir+"/out.txt"); status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	out, err := exec.Command("go", "tool", "benchstat", "-col=/flags", dir+"/out.txt").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantParts(t, "benchstat", string(out), "none", "destroy_by_rcu", "GrowShrink/size=64", "sec/op", "vs base")
}
