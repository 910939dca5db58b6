package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"
)

func TestPlanInterleaves(t *testing.T) {
	once := func(c cell) [][]string { return [][]string{c.flags("x")} }
	a := &program{name: "a", runs: once}
	b := &program{name: "b", runs: func(c cell) [][]string { return c.one("x") }}
	gone := &program{name: "gone", runs: once, missing: "not here"}
	none := &program{name: "none", runs: func(cell) [][]string { return nil }}
	cells := []cell{{bench: "Pair", size: 64, cpus: 1}, {bench: "Loop", cpus: 2}}

	var got []string
	for _, s := range plan(2, cells, []*program{a, gone, b, none}) {
		got = append(got, strings.Join(append([]string{s.program.name, string(rune('0' + s.round))}, s.args[1:4:4]...), " "))
	}
	want := []string{
		"a 0 Pair -cpu 1", "b 0 Pair -cpu 1", "b 0 Pair -cpu 1", "a 0 Loop -cpu 2", "b 0 Loop -cpu 2",
		"b 1 Pair -cpu 1", "b 1 Pair -cpu 1", "a 1 Pair -cpu 1", "b 1 Loop -cpu 2", "a 1 Loop -cpu 2",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("order\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCells(t *testing.T) {
	s := selection{sizes: numbers{64, 256}, cpus: numbers{1, 2, 3}, cores: 2}
	if err := s.bench.Set("^(ProdCons|Call|Pair)$"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.cells() {
		got = append(got, c.String())
	}
	want := "Pair size=64 cpus=1, Pair size=64 cpus=2, Pair size=64 cpus=3, Pair size=64 cpus=16, " +
		"Pair size=256 cpus=1, Pair size=256 cpus=2, Pair size=256 cpus=3, Pair size=256 cpus=16, " +
		"ProdCons size=64 cpus=2, ProdCons size=256 cpus=2, Call cpus=2"
	if strings.Join(got, ", ") != want {
		t.Errorf("cells %v", got)
	}
	mine, peer := &program{impl: ours, runs: oursRuns}, &program{impl: "glibc", runs: mallocRuns("glibc")}
	floor := &program{impl: "bare", runs: bareRuns("bare")}
	crowd := cell{bench: "Batch10k", size: 64, cpus: 16, crowd: true}
	if steps := plan(1, []cell{crowd}, []*program{mine, peer, floor}); len(steps) != 2 || steps[0].program != mine || steps[1].program != floor {
		t.Errorf("%d steps where CPUs are crowded, want ours and the floor's", len(steps))
	}
}

// Table runs with a choice of its mixes, and with all when it is asked for. Its
// programs take turns in each mix.
func TestTableMixes(t *testing.T) {
	for pattern, want := range map[string]int{"": len(tableChoice), "^Table$": len(tableMixes)} {
		s := selection{cpus: numbers{2}}
		if pattern != "" {
			if err := s.bench.Set(pattern); err != nil {
				t.Fatal(err)
			}
		}
		cells := slices.DeleteFunc(s.cells(), func(c cell) bool { return c.bench != "Table" })
		if len(cells) != want {
			t.Errorf("-bench %q: %d cells of Table, want %d", pattern, len(cells), want)
		}
		peer := &program{name: "xsync", runs: goRuns("xsync")}
		mine := &program{name: ours, impl: ours, runs: oursRuns}
		steps := plan(1, cells, []*program{mine, peer})
		if len(steps) != 2*want || steps[0].program != mine || steps[1].program != peer {
			t.Errorf("-bench %q: %d steps", pattern, len(steps))
		}
		if d := steps[len(steps)-2].expected(100 * time.Millisecond); d < 5*time.Second {
			t.Errorf("our large tables are expected to take %v", d)
		}
	}
	if s := (cell{bench: "Table", cpus: 2, mix: tableChoice[0]}).String(); s != "Table n=10000 uniform 99% cpus=2" {
		t.Errorf("a cell is called %q", s)
	}
}

// shell is a program that runs a script in place of a benchmark.
func shell(name, script string) *program {
	return &program{name: name, path: "/bin/sh", runs: func(cell) [][]string { return [][]string{{"-c", script}} }}
}

const oneLine = "echo goos: elsewhere; echo BenchmarkPair/size=64/impl=$0-1 10 5.0 ns/op"

func TestMeasureKeepsWhatWasMeasured(t *testing.T) {
	for name, tc := range map[string]struct {
		programs []*program
		after    time.Duration // interrupt; 0 for never
		failures int
		lines    int
		err      string
	}{
		"all well":    {programs: []*program{shell("a", oneLine), shell("b", oneLine)}, lines: 2},
		"one fails":   {programs: []*program{shell("a", oneLine), shell("b", "echo broken >&2; exit 3")}, failures: 1, lines: 1},
		"one silent":  {programs: []*program{shell("a", oneLine), shell("b", "true")}, failures: 1, lines: 1},
		"interrupted": {programs: []*program{shell("a", oneLine), shell("b", "exec sleep 60")}, after: 300 * time.Millisecond, lines: 1},
		"nothing":     {programs: []*program{shell("a", "exit 1")}, failures: 1, err: "nothing was measured"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			if tc.after > 0 {
				limited, cancel := context.WithTimeout(ctx, tc.after)
				defer cancel()
				ctx = limited
			}
			out := filepath.Join(t.TempDir(), "out.txt")
			var stderr bytes.Buffer
			env := []benchfmt.Config{{Key: "goos", Value: []byte("here"), File: true}}
			failures, err := measure(ctx, &stderr, &settings{out: out, benchtime: time.Millisecond},
				plan(1, []cell{{bench: "Pair", size: 64, cpus: 1}}, tc.programs), env)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q", err, tc.err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if failures != tc.failures {
				t.Errorf("%d failures, want %d; stderr:\n%s", failures, tc.failures, &stderr)
			}
			text, _ := os.ReadFile(out)
			if n := strings.Count(string(text), "Benchmark"); n != tc.lines {
				t.Errorf("%d results, want %d:\n%s", n, tc.lines, text)
			}
			if n := strings.Count(string(text), "goos:"); tc.lines > 0 && n != 1 {
				t.Errorf("the environment stands there %d times:\n%s", n, text)
			}
			if _, err := os.Stat(out + ".partial"); err == nil {
				t.Error("a partial file was left behind")
			}
		})
	}
}

func TestFlagsThatAreRefused(t *testing.T) {
	for _, args := range []string{"-rounds 0", "-benchtime 0s", "-bench (", "-size 64,x", "-cpu 0", "Pair", "-dir /nowhere"} {
		var out bytes.Buffer
		if err := run(&out, &out, strings.Fields(args)); err == nil {
			t.Errorf("%s: accepted", args)
		}
	}
}
