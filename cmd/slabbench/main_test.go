package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/perf/benchfmt"

	"github.com/slabrcu/slabrcu/urcu"
)

// The test binary is also the command: -verify starts its own executable.
func TestMain(m *testing.M) {
	if isChild() {
		os.Exit(run(os.Stdout, os.Stderr, os.Args[1:]))
	}
	d := urcu.Default() // never closed, with a goroutine of its own
	d.Defer(func() {})
	d.Barrier()
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// command runs slabbench and returns what it wrote.
func command(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(&out, &errs, args)
	return out.String(), errs.String(), status
}

// control runs a negative control: what it looks for is found by chance, and on a
// machine with other things to do the chance may take a second try.
func control(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	for range 3 {
		if stdout, stderr, status = command(t, args...); status == statusFailed {
			break
		}
	}
	return stdout, stderr, status
}

// parsed reads benchmark format as benchstat does and fails on anything else.
func parsed(t *testing.T, text string) []*benchfmt.Result {
	t.Helper()
	var out []*benchfmt.Result
	r := benchfmt.NewReader(strings.NewReader(text), "stdout")
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			out = append(out, rec.Clone())
		case *benchfmt.SyntaxError:
			t.Errorf("not benchmark format: %v", rec)
		}
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func wantParts(t *testing.T, where, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s lacks %q:\n%s", where, p, text)
		}
	}
}
