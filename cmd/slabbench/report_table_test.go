package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// contestText is a file as bench/peers writes it: entrants in turns.
func contestText() string {
	var b strings.Builder
	b.WriteString("go: go1.99\ncpu: Planted 9000\ncores: 2\nvm: KVM\ncommit: abc123\n\n")
	for run := range 8 {
		x := 1 + float64(run)/1000
		for _, l := range []struct {
			name string
			ns   float64
		}{
			{"Loop/impl=loop-1", 0.2},
			{"Pair/api=cpu/flags=none/size=64-1", 2},
			{"Pair/api=any/flags=none/size=64-1", 10},
			{"Pair/api=cpu/flags=destroy_by_rcu/size=64-1", 2},
			{"Pair/api=malloc/flags=none/size=64/impl=glibc-1", 8},
			{"Pair/api=malloc/flags=none/size=64/impl=tcmalloc-1", 4},
			{"Pair/api=cpu/flags=none/size=64/impl=apart-1", 1},
			{"ProdCons/api=cpu/flags=none/size=64-2", 6},
			{"ProdCons/api=malloc/flags=none/size=64/impl=ring-2", 1},
			{"ReadSection/api=registered/flavor=mb/readers=1-1", 3},
			{"ReadSection/api=registered/flavor=mb/impl=liburcu-1", 3},
			{"ReadSection/api=any/impl=mutex/readers=1-1", 30},
			{"ReadSection/api=any/flavor=memb/readers=1-1", 3},
			{"Sh6/api=malloc/flags=none/size=64/impl=glibc-1", 9},
		} {
			fmt.Fprintf(&b, "Benchmark%s 100 %.5g ns/op\n", l.name, l.ns*x)
		}
	}
	return b.String()
}

// The table has our figures, the best of those who do the same work, and who wins.
func TestTable(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "a.txt", contestText())
	stdout, stderr, status := command(t, "report", "-table", file)
	if status != statusOK || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	wantParts(t, "table", stdout,
		"| Pair size=64 | 1 | cpu | 2.007ns ± 0% | tcmalloc 4.014ns ± 0% | 0.50 |",
		"| Pair size=64 | 1 | any | 10.04ns ± 0% | tcmalloc 4.014ns ± 0% | **2.50** |",
		"| 1 | cpu destroy_by_rcu |",
		"| ProdCons size=64 | 2 | cpu | 6.021ns ± 0% | - | - |",
		"| ReadSection mb | 1 | registered | 3.010ns ± 0% | liburcu 3.010ns ± 0% | ~1.00 |",
		"| ReadSection memb | 1 | any | 3.010ns ± 0% | mutex 30.11ns ± 0% | 0.10 |",
		"Planted 9000", "cores: 2", "(KVM)", "go1.99", "abc123")
	if strings.Contains(stdout, "Sh6") || strings.Contains(stdout, "Loop") {
		t.Errorf("rows in which we have no part:\n%s", stdout)
	}
	onlyFiles(t, dir, "a.txt")
}

// Figures of two machines do not compete, whatever else is the same.
func TestTableOfTwoMachines(t *testing.T) {
	dir := t.TempDir()
	first := writeFile(t, dir, "a.txt", contestText())
	second := writeFile(t, dir, "b.txt", strings.ReplaceAll(contestText(), "Planted 9000", "Other 1")+strings.Repeat("BenchmarkPair/api=go/flags=none/size=64/impl=new-1 100 0.1 ns/op\n", 8))
	stdout, _, status := command(t, "report", "-table", first, second)
	wantParts(t, "table", stdout, "| 1 | cpu Planted 9000 | 2.007ns ± 0% | tcmalloc 4.014ns ± 0% | 0.50 |",
		"| 1 | cpu Other 1 | 2.007ns ± 0% | new 0.1000ns ± 0% |", "Other 1 and Planted 9000")
	if status != statusOK {
		t.Errorf("status %d", status)
	}
}

// Our file and that of bench/peers go together, although one calls the tree dirty.
func TestTableOfTwoFiles(t *testing.T) {
	dir := t.TempDir()
	ours := writeFile(t, dir, "a.txt", "cpu: Planted 9000\ncommit: abc123-dirty\nlayout: native\n\n"+strings.Repeat("BenchmarkSh6/api=cpu/flags=none/size=64-1 100 3 ns/op\n", 8))
	theirs := writeFile(t, dir, "b.txt", strings.Replace(contestText(), "go: go1.99\n", "", 1))
	stdout, _, _ := command(t, "report", "-table", ours, theirs)
	wantParts(t, "table", stdout, "| Sh6 size=64 | 1 | cpu | 3.000ns ± 0% | glibc 9.031ns ± 0% | 0.33 |", "abc123-dirty")
}

// Without peers there are no empty columns.
func TestTableAlone(t *testing.T) {
	file := writeFile(t, t.TempDir(), "a.txt", "BenchmarkPair/api=cpu/size=64-1 100 5 ns/op\n")
	stdout, _, status := command(t, "report", "-table", file)
	if status != statusOK || strings.Contains(stdout, "peer |") || !strings.Contains(stdout, "| Pair size=64 | 1 | cpu | 5.000ns") {
		t.Errorf("status %d:\n%s", status, stdout)
	}
}

// -readme replaces what is between the marks, again and again, and nothing else;
// without the marks it changes nothing.
func TestReadme(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "a.txt", contestText())
	readme := writeFile(t, dir, "README.md", "# Title\n"+resultsBegin+"\noutdated\n"+resultsEnd+"\nthe rest\n")
	var first string
	for range 2 {
		if _, stderr, status := command(t, "report", "-readme="+readme, file); status != statusOK {
			t.Fatalf("status %d: %s", status, stderr)
		}
		b, err := os.ReadFile(readme)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		wantParts(t, "README", text, "| tcmalloc", "abc123")
		if !strings.HasPrefix(text, "# Title\n"+resultsBegin+"\n\n| work") || !strings.HasSuffix(text, "\n"+resultsEnd+"\nthe rest\n") || strings.Contains(text, "outdated") {
			t.Errorf("README:\n%s", text)
		}
		if first != "" && first != text {
			t.Error("the second time it differs")
		}
		first = text
	}
	for _, text := range []string{"nothing", resultsEnd + resultsBegin, resultsBegin, resultsBegin + resultsEnd + resultsBegin} {
		name := writeFile(t, dir, "bad.md", text)
		_, stderr, status := command(t, "report", "-readme="+name, file)
		if b, err := os.ReadFile(name); status != statusFailed || !strings.Contains(stderr, resultsBegin) || err != nil || string(b) != text {
			t.Errorf("%q: status %d, %s; now %q, %v", text, status, stderr, b, err)
		}
	}
	if _, stderr, status := command(t, "report", "-readme="+filepath.Join(dir, "gone.md"), file); status != statusFailed || !strings.Contains(stderr, "gone.md") {
		t.Errorf("status %d: %s", status, stderr)
	}
	onlyFiles(t, dir, "README.md", "a.txt", "bad.md")
}
