package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected table and CSV anew")

// testdata/run.txt is made up: seven rounds with a case of every verdict. The
// table and CSV beside it are what must come of it.
func TestTable(t *testing.T) {
	dir := t.TempDir()
	input := filepath.Join(dir, "run.txt")
	text, err := os.ReadFile("testdata/run.txt")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(input, text, 0o666); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := tabulate(&table, input); err != nil {
		t.Fatal(err)
	}
	csv, err := os.ReadFile(filepath.Join(dir, "run.csv"))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "testdata/run.table", table.String())
	compare(t, "testdata/run.csv", string(csv))
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s", golden, got)
	}
}

// readText reads benchmark lines.
func readText(t *testing.T, text string) *results {
	t.Helper()
	all, err := read(strings.NewReader(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRatioUsesTheBestOfThePeers(t *testing.T) {
	all := readText(t, `
BenchmarkPair/api=cpu/flags=none/size=64-1 1 2 ns/op
BenchmarkPair/api=cpu/flags=hwcache_align/size=64-1 1 900 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=glibc-1 1 10 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=tcmalloc-1 1 8 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=tcmalloc-2 1 1 ns/op
BenchmarkPair/api=go/flags=none/size=64/impl=modernc-1 1 1 ns/op
`)
	lines := all.lines()
	if l := lines[0]; l.rival.impl != "tcmalloc" || l.value != 0.25 || !l.reached || l.behind {
		t.Errorf("%+v: want 0.25 of tcmalloc, reached", l)
	}
	if len(lines) != 2 || lines[1].verdict() != "we did not run" {
		t.Errorf("want a second line for the row without us, got %+v", lines[1:])
	}
}

// A crowded row is held against the one with a core for each CPU, and nothing else.
func TestCrowdedRows(t *testing.T) {
	all := readText(t, `
cores: 2
BenchmarkPair/api=cpu/flags=none/size=64-2 1 2 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=glibc-2 1 10 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=bare-2 1 1 ns/op
BenchmarkPair/api=cpu/flags=none/size=64-16 1 20 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=bare-16 1 16 ns/op
`)
	lines := all.lines()
	l := lines[len(lines)-1]
	if l.cpus != 16 || l.value != 0.8 || l.reached || l.goalText() != ">= 0.85 of roomy" || len(lines) != 2 || !strings.HasSuffix(l.verdict(), ", bare 0.50") {
		t.Errorf("%d lines, the last %s: %+v: want 0.8 of the throughput, missed, and beside it 0.5", len(lines), l.verdict(), l)
	}
}

// A goal that is missed is shown with what would have missed it, or reached it, with
// less to do; who does less is nobody's rival.
func TestFloors(t *testing.T) {
	all := readText(t, `
BenchmarkPair/api=cpu/flags=none/size=64-1 1 5 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=glibc-1 1 10 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=bare-1 1 1 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=checked-1 1 4 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=drained-1 1 5 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=leased-1 1 9 ns/op
`)
	if l := all.lines()[0]; l.rival.impl != "glibc" || l.behind || !strings.HasSuffix(l.verdict(), ", bare 0.10, checked 0.40, drained 0.50") {
		t.Errorf("%s: %+v, want 0.5 of glibc, and beside it 0.1 and 0.4", l.verdict(), l)
	}
}

// bare has grace periods too, beside registered readers.
func TestFloorOfGracePeriods(t *testing.T) {
	all := readText(t, `
BenchmarkSynchronize/api=registered/flavor=qsbr/readers=1/updaters=1-2 1 9 ns/op
BenchmarkSynchronize/api=registered/flavor=qsbr/readers=1/updaters=1/impl=liburcu-2 1 10 ns/op
BenchmarkSynchronize/api=registered/flavor=qsbr/readers=1/updaters=1/impl=bare-2 1 8 ns/op
`)
	if l := all.lines()[0]; l.rival.impl != "liburcu" || l.value != 0.9 || !strings.HasSuffix(l.verdict(), ", bare 0.80") {
		t.Errorf("%s: %+v, want 0.9 of liburcu, and beside it 0.8", l.verdict(), l)
	}
}

// A missed goal of scaling is shown with theirs, from one CPU to two.
func TestFloorsOfScaling(t *testing.T) {
	all := readText(t, `
BenchmarkLoop/impl=loop-1 1 1 ns/op
BenchmarkLoop/impl=loop-2 1 1 ns/op
BenchmarkBatch10k/api=cpu/flags=none/size=64-1 1 4 ns/op
BenchmarkBatch10k/api=malloc/flags=none/size=64/impl=bare-1 1 3 ns/op
BenchmarkBatch10k/api=cpu/flags=none/size=64-2 1 5 ns/op
BenchmarkBatch10k/api=malloc/flags=none/size=64/impl=bare-2 1 4 ns/op
BenchmarkBatch10k/api=cpu/flags=none/size=64/impl=apart-1 1 4 ns/op
BenchmarkBatch10k/api=cpu/flags=none/size=64/impl=apart-2 1 4 ns/op
`)
	for _, l := range all.lines() {
		if l.goal != nil && l.goal.scaling {
			if l.value != 0.8 || !strings.HasSuffix(l.verdict(), ", bare 0.75, apart 1.00") {
				t.Errorf("%s: %+v, want 0.8, and beside it 0.75 and 1", l.verdict(), l)
			}
			return
		}
	}
	t.Error("no line of scaling")
}

// A ratio is of what ran in the same round: the machine is slow in the last two here,
// and the peer met one of them more. Where a run failed, it is of the medians.
func TestRatioIsByRound(t *testing.T) {
	rounds := []string{`
BenchmarkPair/api=cpu/flags=none/size=64-1 1 1 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=glibc-1 1 4 ns/op
`, `
BenchmarkPair/api=cpu/flags=none/size=64-1 1 1 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=glibc-1 1 40 ns/op
`, `
BenchmarkPair/api=cpu/flags=none/size=64-1 1 10 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=glibc-1 1 40 ns/op
`}
	if l := readText(t, strings.Join(rounds, "")).lines()[0]; l.value != 0.25 || l.ours.median != 1 || l.rival.median != 40 {
		t.Errorf("%+v: want 1 ns beside 40, and 0.25", l)
	}
	failed, _, _ := strings.Cut(strings.Join(rounds, ""), "BenchmarkPair/api=malloc/flags=none/size=64/impl=glibc-1 1 40")
	if l := readText(t, failed+rounds[2]).lines()[0]; l.value != 1.0/22 {
		t.Errorf("%+v: want 1 of 22, the medians", l)
	}
}

func TestUnreadableFileIsReported(t *testing.T) {
	if _, err := read(strings.NewReader("BenchmarkX 1 five ns/op\n"), "test"); err == nil {
		t.Error("no error")
	}
}
