package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// stdout holds results and nothing else, stderr what a newcomer needs.
func TestMeasure(t *testing.T) {
	stdout, stderr, status := command(t, "-bench=^Pair$/api=cpu", "-size=64", "-cpu=1,2", "-benchtime=200x", "-count=2", "-flags=typesafe_by_rcu")
	if status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	results := parsed(t, stdout)
	if len(results) != 8 { // with one and two live, on 1 and 2 CPUs, twice
		t.Errorf("%d results:\n%s", len(results), stdout)
	}
	if n := results[0].Name.String(); n != "Pair/api=cpu/flags=destroy_by_rcu/size=64-1" || results[0].Iters != 200 {
		t.Errorf("the first result is %s of %d iterations", n, results[0].Iters)
	}
	if results[0].GetConfig("commit") == "" {
		t.Error("no environment")
	}
	for line := range strings.Lines(stdout) {
		if line != "\n" && !strings.HasPrefix(line, "Benchmark") && !strings.HasPrefix(line, "Unit ") && !strings.Contains(line, ": ") {
			t.Errorf("on standard output: %q", line)
		}
	}
	wantParts(t, "stderr", stderr, "8 measurements", "Pair: Allocate", "Time is for one alloc and free", "fewer than 6 samples", "left")
}

func TestCompare(t *testing.T) {
	stdout, stderr, status := command(t, "-bench=GrowShrink", "-size=64", "-cpu=1", "-benchtime=64x", "-compare=none,destroy_by_rcu+hwcache_align")
	if status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	results := parsed(t, stdout)
	var flags []string
	for _, r := range results {
		_, parts := r.Name.Parts()
		flags = append(flags, string(parts[0]))
	}
	want := strings.Repeat("/flags=none /flags=destroy_by_rcu+hwcache_align ", compareSamples)
	if got := strings.Join(flags, " ") + " "; got != want {
		t.Errorf("order %s", got)
	}
	wantParts(t, "stderr", stderr, "measured in turns", "GrowShrink/size=64-1", "p=", "n=6", "difference")
}

// What cannot run is skipped with its reason, and that is no failure.
func TestSkipped(t *testing.T) {
	_, stderr, status := command(t, "-bench=ProdCons", "-cpu=1", "-benchtime=10x")
	if status != statusOK {
		t.Errorf("status %d", status)
	}
	wantParts(t, "stderr", stderr, "Skipped:", "an even number")
}

// A case that fails ends alone; the others are measured, and the status says so.
func TestFailure(t *testing.T) {
	// The kernel's geometry has no slab for objects of this size.
	stdout, stderr, status := command(t, "-bench=^Pair$/api=cpu|^Loop$", "-size=10000000,64", "-cpu=1", "-benchtime=10x")
	if status != statusFailed {
		t.Errorf("status %d", status)
	}
	if got := len(parsed(t, stdout)); got < 2 {
		t.Errorf("%d results beside the failure", got)
	}
	wantParts(t, "stderr", stderr, "Failed: 2 measurements", "size=10000000")
}

func TestUsage(t *testing.T) {
	for _, x := range []struct {
		args  string
		wants []string
	}{
		{"-flags=fast", []string{`"fast"`, "destroy_by_rcu", "typesafe_by_rcu"}},
		{"-bench=Nothing", []string{"Nothing", "GrowShrink", "Typesafe"}},
		{"-bench=((", []string{"(("}},
		{"-skip=((", []string{"(("}},
		{"-bench=Pair -skip=.", []string{`without "."`}},
		{"-list -bench=Pair -skip=((", []string{"(("}},
		{"-benchtime=soon", []string{"soon", "100x"}},
		{"-count=0", []string{"-count 0"}},
		{"-cpu=0", []string{`"0"`}},
		{"-size=64,big", []string{"big"}},
		{"-layout=2.7", []string{"2.7", "2.6.9"}},
		{"-compare=none", []string{"two different sets"}},
		{"-compare=none,none", []string{"two different sets"}},
		{"-compare=none,destroy_by_rcu -flags=none", []string{"-compare and -flags"}},
		{"-verify -count=2", []string{"-verify and -count"}},
		{"-sample=10ms", []string{"-sample 10ms", "-o"}},
		{"-verify -benchtime=10x", []string{"not for a count"}},
		{"-nonsense", []string{"-nonsense"}},
		{"Pair", []string{`"Pair"`}},
	} {
		stdout, stderr, status := command(t, strings.Fields(x.args)...)
		if status != statusUsage || stdout != "" {
			t.Errorf("%s: status %d, output %q", x.args, status, stdout)
		}
		wantParts(t, x.args, stderr, append(x.wants, "-help")...)
	}
}

func TestHelp(t *testing.T) {
	stdout, stderr, status := command(t, "-help")
	if status != statusOK || stdout != "" {
		t.Errorf("status %d, output %q", status, stdout)
	}
	wantParts(t, "help", stderr, "usage:", "what to measure", "how long", "status: 0")
	grouped := 0
	for _, g := range groups {
		grouped += len(g.names)
	}
	all := 0
	fs := new(options).flagSet()
	fs.VisitAll(func(*flag.Flag) { all++ })
	if grouped != all {
		t.Errorf("%d of %d flags are in a group", grouped, all)
	}
	if n := strings.Count(stderr, "\n"); n > 45 {
		t.Errorf("the help has %d lines", n)
	}
}

func TestList(t *testing.T) {
	stdout, _, status := command(t, "-list", "-size=64", "-cpu=1,2")
	if status != statusOK {
		t.Errorf("status %d", status)
	}
	if _, stderr, _ := command(t, "-list"); stderr != "" {
		t.Errorf("-list says %q", stderr)
	}
	only, stderr, _ := command(t, "-list", "-bench=Pair|Loop", "-skip=Pair/api=any|Loop", "-size=64", "-cpu=1", "-count=4", "-compare=none,destroy_by_rcu")
	wantParts(t, "stderr", stderr, "16 measurements of 1s each, about 24s in all")
	if strings.Contains(only, "api=any") || strings.Contains(only, "Loop/") {
		t.Errorf("-skip leaves %s", only)
	}
	wantParts(t, "list", stdout, "Pair\n", "Unit: ns/op for one read section", "Typesafe/api=registered/flags=destroy_by_rcu/readers=1/updaters=1/validate=lock-2", "skipped:")
}

// brokenPipe takes some bytes and then is closed.
type brokenPipe struct{ left int }

func (p *brokenPipe) Write(b []byte) (int, error) {
	if p.left -= len(b); p.left < 0 {
		return 0, &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}
	}
	return len(b), nil
}

func TestClosedPipe(t *testing.T) {
	for _, room := range []int{0, 1500} {
		var stderr bytes.Buffer
		status := run(&brokenPipe{room}, &stderr, []string{"-bench=Loop", "-cpu=1", "-benchtime=10x", "-count=50"})
		if status != statusFailed {
			t.Errorf("status %d", status)
		}
		wantParts(t, "stderr", stderr.String(), "standard output was closed after")
	}
}

// Ctrl-C ends the run with what was measured so far.
func TestInterrupt(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.txt")
	ctx, cancel := context.WithCancel(t.Context())
	var stderr cancelAfter
	stderr.text, stderr.cancel = "2/1000", cancel
	err := dispatch(ctx, nil, &stderr, []string{"-bench=Loop", "-cpu=1", "-benchtime=10x", "-count=1000", "-o=" + name})
	if !errors.Is(err, context.Canceled) || status(err, &stderr) != statusInterrupted {
		t.Errorf("error %v", err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(parsed(t, string(text))); n < 1 || n > 3 {
		t.Errorf("%d results", n)
	}
	wantParts(t, "stderr", stderr.String(), "Interrupted", "of 1000 measurements", "Loop:")
}

// cancelAfter cancels when a text was written to it.
type cancelAfter struct {
	bytes.Buffer
	text   string
	cancel func()
}

func (c *cancelAfter) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(c.text)) {
		c.cancel()
	}
	return c.Buffer.Write(b)
}
