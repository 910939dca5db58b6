package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"
)

const moduleDir = "../.."

// sandbox is a copy of the C sources in which programs can be built.
func sandbox(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "c"), os.DirFS(filepath.Join(moduleDir, "c"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// compileStrictly builds a program without a single warning, or skips the test.
func compileStrictly(t *testing.T, dir string, s source) string {
	t.Helper()
	path, reason := compile(context.Background(), dir, s, "-Werror")
	if strings.HasPrefix(reason, "gcc ") {
		t.Fatal(reason)
	}
	if reason != "" {
		t.Skip(reason)
	}
	return path
}

func TestReaderProgramsPrintBenchmarkLines(t *testing.T) {
	for _, s := range rcuSources {
		t.Run(s.name, func(t *testing.T) {
			p := &program{name: s.name, path: compileStrictly(t, sandbox(t), s.source), runs: rcuRuns(s.impl, s.benches)}
			for _, bench := range strings.Fields(s.benches) {
				results := runOnce(t, p, cell{bench: bench, cpus: 2})
				if bench == "Synchronize" && len(results[0].Values) != 3 {
					t.Errorf("%v: want ns/op and two percentiles", results[0].Values)
				}
			}
		})
	}
}

func TestAllocatorProgramPrintsBenchmarkLines(t *testing.T) {
	path := compileStrictly(t, sandbox(t), allocSource)
	for _, w := range workloads {
		for _, impl := range []string{"glibc", "ring", "popped", "loop"} {
			c := cell{bench: w.name, size: 256, cpus: 2}
			runs := map[string]func(cell) [][]string{
				"glibc": mallocRuns("glibc"), "ring": only("ProdCons", "ring"),
				"popped": only("ProdCons", "popped"), "loop": only("Loop", "loop"),
			}[impl]
			if !w.sized {
				c.size = 0
			}
			if len(runs(c)) > 0 {
				runOnce(t, &program{name: impl, path: path, runs: runs}, c)
			}
		}
	}
}

func TestBareProgramsPrintBenchmarkLines(t *testing.T) {
	for _, s := range bareSources {
		p := &program{name: s.name, path: compileStrictly(t, sandbox(t), s), runs: bareRuns(s.name)}
		for _, w := range workloads {
			if c := (cell{bench: w.name, size: 256, cpus: 2}); len(p.runs(c)) > 0 {
				runOnce(t, p, c)
			}
		}
		for _, args := range [][]string{{"-bench", "Larson", "-impl", s.name}, {"-bench", "Pair", "-impl", "glibc"}} {
			if out, err := exec.Command(p.path, args...).CombinedOutput(); err == nil {
				t.Errorf("%s %v printed %q, want a complaint", s.name, args, out)
			}
		}
	}
}

// runOnce runs a program for a moment and checks that it prints the row it was
// asked for, once for each of its runs.
func runOnce(t *testing.T, p *program, c cell) []*benchfmt.Result {
	t.Helper()
	var lines []*benchfmt.Result
	for _, args := range p.runs(c) {
		results, err := step{cell: c, program: p, args: args}.run(context.Background(), time.Millisecond)
		if err != nil {
			t.Fatalf("%s %v: %v", p.name, args, err)
		}
		if len(results) != 1 {
			t.Fatalf("%s %v printed %d results, want 1", p.name, args, len(results))
		}
		k := keysOf(results[0].Name)
		if k[".name"] != c.bench || number(k["size"], 0) != c.size || number(k["cpus"], 0) != c.cpus {
			t.Errorf("%s %v printed %s", p.name, args, results[0].Name)
		}
		if v, ok := results[0].Value("sec/op"); !ok || v <= 0 {
			t.Errorf("%s: no time above 0", results[0].Name)
		}
		lines = append(lines, results[0])
	}
	return lines
}

// A peer whose library did not load must not be measured as glibc.
func TestFailedPreloadIsNoticed(t *testing.T) {
	path := compileStrictly(t, sandbox(t), allocSource)
	cmd := exec.Command(path, "-bench", "Pair", "-impl", "jemalloc", "-benchtime", "1ms")
	cmd.Env = []string{"LD_PRELOAD=libnobody-has-this.so"}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil || !strings.Contains(stderr.String(), "malloc comes from") {
		t.Errorf("error %v, stderr %q: want a complaint about the library", err, &stderr)
	}
	p := &program{impl: "jemalloc", path: path, library: "a-package"}
	p.preload(context.Background(), []string{"libnobody-has-this.so"})
	if !strings.Contains(p.missing, "a-package") {
		t.Errorf("missing is %q, want the package's name", p.missing)
	}
}

func TestMissingHeaderNamesThePackage(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	_, reason := compile(context.Background(), sandbox(t), source{name: "x", files: "xchg_bench.c", header: "nobody-has-this.h", pkg: "a-package"})
	if !strings.Contains(reason, "nobody-has-this.h") || !strings.Contains(reason, "a-package") {
		t.Errorf("reason %q, want the header and the package", reason)
	}
}
