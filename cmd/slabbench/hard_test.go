package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/bench"
)

// process is the command as a process of its own, as a shell starts it.
func process(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, args...)
	c.Env = append(os.Environ(), childEnv+"=1") // TestMain then runs the command
	stderr := new(bytes.Buffer)
	c.Stderr = stderr
	return c, stderr
}

func full(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// A full disk ends the run at once and says so, wherever the results go.
func TestFullDisk(t *testing.T) {
	f := full(t)
	var stderr bytes.Buffer
	if got := run(f, &stderr, []string{"-bench=Loop", "-cpu=1", "-benchtime=10x", "-count=50"}); got != statusFailed {
		t.Errorf("status %d", got)
	}
	wantParts(t, "stderr", stderr.String(), "writing results", "no space left")
	for _, args := range [][]string{
		{"-o=/dev/full"}, {"-memprofile=/dev/full"}, {"-cpuprofile=/dev/full"}, {"-trace=/dev/full"}, {"-kmemprofile=/dev/full"},
	} {
		_, stderr, status := command(t, append([]string{"-bench=Loop", "-cpu=1", "-benchtime=10x"}, args...)...)
		if status != statusFailed || !strings.Contains(stderr, "no space left") || !strings.Contains(stderr, "/dev/full") {
			t.Errorf("%s: status %d: %s", args, status, stderr)
		}
	}
	dir := t.TempDir()
	file := writeFile(t, dir, "a.txt", contestText())
	stderr.Reset()
	if got := run(f, &stderr, []string{"report", "-table", file}); got != statusFailed || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("report -table: status %d: %s", got, stderr.String())
	}
	if st, err := os.Stat("/dev/full"); err != nil || st.Mode().IsRegular() {
		t.Fatalf("the device was replaced: %v, %v", st.Mode(), err)
	}
}

// A run that fails leaves no profile of half of itself, nor anything else.
func TestFailureLeavesNoProfiles(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-bench=Loop", "-cpu=1", "-benchtime=10x", "-count=50"}
	for _, p := range []string{"blockprofile", "cpuprofile", "kmemprofile", "memprofile", "mutexprofile", "trace"} {
		args = append(args, "-"+p+"="+filepath.Join(dir, p))
	}
	var stderr bytes.Buffer
	if got := run(&brokenPipe{1500}, &stderr, args); got != statusFailed {
		t.Errorf("status %d: %s", got, stderr.String())
	}
	onlyFiles(t, dir)
	// The last of the names cannot be written: those before it have begun.
	if _, stderr, status := command(t, append(args, "-trace="+filepath.Join(dir, "no", "t"))...); status != statusFailed {
		t.Errorf("status %d: %s", status, stderr)
	}
	onlyFiles(t, dir)
}

// A device or a pipe is written, not replaced, and a link stays a link.
func TestOutputIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	null, link, real := filepath.Join(dir, "null"), filepath.Join(dir, "link"), filepath.Join(dir, "real")
	if err := errors.Join(os.Symlink(os.DevNull, null), os.Symlink("real", link), os.WriteFile(real, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{null, link} {
		if _, stderr, status := command(t, "-bench=Loop", "-cpu=1", "-benchtime=10x", "-o="+name); status != statusOK {
			t.Errorf("-o %s: status %d: %s", name, status, stderr)
		}
		if st, err := os.Lstat(name); err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", name, err)
		}
	}
	if st, err := os.Stat(real); err != nil || st.Size() == 0 {
		t.Errorf("nothing was written behind the link: %v", err)
	}
	onlyFiles(t, dir, "link", "null", "real")
}

// slabbench | head -1: the reader goes away, and the run ends with a reason.
func TestHead(t *testing.T) {
	c, stderr := process(t, "-bench=Loop", "-cpu=1", "-benchtime=1000x", "-count=100000")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Error(err)
	}
	out.Close()
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != statusFailed {
		t.Errorf("it ended with %v", err)
	}
	wantParts(t, "stderr", stderr.String(), "standard output was closed")
}

// Ctrl-C leaves what was measured; SIGKILL leaves nothing under the final name.
func TestSignals(t *testing.T) {
	for _, x := range []struct {
		sig  os.Signal
		want int
	}{{os.Interrupt, statusInterrupted}, {os.Kill, -1}} {
		dir := t.TempDir()
		name := filepath.Join(dir, "out.txt")
		c, _ := process(t, "-bench=Loop", "-cpu=1", "-benchtime=1000x", "-count=100000", "-o="+name)
		c.Stderr = nil
		said, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(said)
		for lines.Scan() && !strings.HasPrefix(strings.TrimSpace(lines.Text()), "3/") {
		}
		if err := c.Process.Signal(x.sig); err != nil {
			t.Error(err)
		}
		io.Copy(io.Discard, said)
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != x.want {
			t.Errorf("%v: it ended with %v", x.sig, err)
		}
		text, err := os.ReadFile(name)
		switch {
		case x.want < 0 && !errors.Is(err, os.ErrNotExist):
			t.Errorf("%v: a partial file: %v", x.sig, err)
		case x.want > 0 && (err != nil || len(parsed(t, string(text))) < 2):
			t.Errorf("%v: %v: %s", x.sig, err, text)
		}
	}
}

// A scenario that panics is named with its reason, and the stack for who mends it.
func TestPanicIsExplained(t *testing.T) {
	c := bench.Lookup("Loop").Cases(bench.Selection{})[0]
	var stderr bytes.Buffer
	s := &session{opts: &options{}, plan: &bench.Plan{}, stderr: &stderr, out: &output{}}
	s.progress = newProgress(&stderr, s.plan)
	died := &bench.PanicError{Case: c.Name(), Value: errors.New("heap \"bench\": the limit is reached"), Stack: []byte("planted.go:7")}
	if err := s.done(bench.Outcome{Case: c, Err: died, Took: time.Second}); err != nil {
		t.Error(err)
	}
	s.conclude(0, false)
	wantParts(t, "stderr", stderr.String(), "failed: "+c.Name(), "Failed: 1 measurement. The others", "the limit is reached", "planted.go:7")
}

// What is no file of results is said to be what it seems to be.
func TestForeign(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, "hello"); err != nil {
		t.Fatal(err)
	}
	z.Close()
	for text, want := range map[string]string{
		"":                                 "empty",
		companionText:                      "companion of -sample",
		"bench,size,live,n\nPair,64,1,0\n": "medians of bench/peers",
		packed.String():                    "compressed",
		"go 1.26 trace\x00\x00\x00":        "go tool trace",
		`{"Action":"output"}`:              "-json",
		"<!doctype html>":                  "a page",
		"a\x00b":                           "binary",
		"Pair 64: 12 ns\n":                 "no line begins with Benchmark",
	} {
		dir := t.TempDir()
		file := writeFile(t, dir, "x", text)
		_, stderr, status := command(t, "report", "-o="+filepath.Join(dir, "page.html"), file)
		if status != statusFailed {
			t.Errorf("%q: status %d", text, status)
		}
		wantParts(t, want, stderr, want, "x holds no results", "none of the files")
		onlyFiles(t, dir, "x")
	}
}
