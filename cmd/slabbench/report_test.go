package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// resultsText is a file as several hands write them: ours with a companion, a
// plain one of go test, lines of no format at all.
func resultsText() string {
	var b strings.Builder
	b.WriteString("goos: linux\ncommit: abc\nnobody: knows\n\n")
	for run := range 8 {
		for cpus, ns := range map[int]float64{1: 10, 2: 11, 4: 12} {
			fmt.Fprintf(&b, "BenchmarkPair/api=cpu/flags=none/size=64-%d 100 %v ns/op 3 lock-trips/op\n", cpus, ns+float64(run)/10)
			fmt.Fprintf(&b, "BenchmarkPair/api=any/flags=none/size=64/impl=new-%d 100 %v ns/op\n", cpus, 3*ns)
			fmt.Fprintf(&b, "BenchmarkLoop/api=cpu-%d 100 0.25 ns/op\n", cpus)
			fmt.Fprintf(&b, "BenchmarkReadSection/api=registered/flavor=qsbr/readers=%d-%d 100 0.5 ns/op\n", cpus, cpus)
		}
		for slabs := 4; slabs <= 64; slabs *= 2 {
			fmt.Fprintf(&b, "BenchmarkColour/api=cpu/flags=none/colours=1/slabs=%d-1 100 %d ns/op\n", slabs, slabs)
			fmt.Fprintf(&b, "BenchmarkColour/api=cpu/flags=none/colours=8/slabs=%d-1 100 4 ns/op\n", slabs)
		}
		b.WriteString("BenchmarkSynchronize/api=registered/flavor=mb/readers=1/updaters=1-2 10 500 ns/op 400 p50-ns 600 p90-ns 700 p99-ns 9000 p99.9-ns 80000 p99.99-ns\n")
		b.WriteString("BenchmarkSpikeIdle/api=cpu/flags=none/size=64/n=1000-1 10 90 ns/op 1000000 RSS-B 0.9 returned-in-1s\n")
		b.WriteString("BenchmarkElsewhere/deep/color=red-2 10 12345678 ns/op 7 strange/op\n")
		b.WriteString("BenchmarkNoKeys 10 5 ns/op\n")
	}
	b.WriteString("BenchmarkBroken 10 many ns/op\n")
	return b.String()
}

const companionText = `benchmark,run,seconds,objects,slabs,live-B,limbo-B,free-B,resident-B,grace-periods,gcs,go-heap-B,new-column
SpikeIdle/api=cpu/flags=none/size=64/n=1000-1,1,0.0,0,0,0,0,0,5000000,0,0,1000,1
SpikeIdle/api=cpu/flags=none/size=64/n=1000-1,1,0.5,10,1,64000000,0,4096,70000000,0,0,1000,1
SpikeIdle/api=cpu/flags=none/size=64/n=1000-1,1,1.0,0,0,0,0,0,5000000,3,0,1000,1
SpikeIdle/api=cpu/flags=none/size=64/n=1000-1,2,0.1,0,0,0,0,0,5000000,3,0,1000,1
`

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// The page holds every scenario, draws what there is to draw, and needs nothing
// from elsewhere; the pictures are files too.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	first := writeFile(t, dir, "a.txt", resultsText())
	writeFile(t, dir, "a.txt"+samplesSuffix, companionText)
	second := writeFile(t, dir, "b.txt", "commit: def\n\nBenchmarkPair/api=cpu/flags=none/size=64-1 100 5 ns/op\n")
	page := filepath.Join(dir, "page.html")
	_, stderr, status := command(t, "report", "-o="+page, first, second)
	if status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	wantParts(t, "stderr", stderr, "a.txt:", "passed over", "page.html", "pictures in")

	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(html)
	wantParts(t, "page", text, `<h2 id="Pair">`, `<h2 id="Elsewhere">`, `<h2 id="Scaling">`, "viewport",
		"Allocate one object, write to it, free it", "differ in commit", "abc", "lock-trips/op", "strange/op",
		"Synchronize: latency", `<h2 id="Peers">`, "relative to the best peer", "Throughput over CPUs", "memory over time", "slab to slab", ">1 colour<", ">8 colours<")
	for _, m := range regexp.MustCompile(`(?:https?:)?//[^"'<> ]*`).FindAllString(text, -1) {
		if !strings.Contains(m, "www.w3.org") {
			t.Errorf("the page wants something from %s", m)
		}
	}
	pictures, err := filepath.Glob(filepath.Join(dir, "page-pictures", "*.svg"))
	if err != nil || len(pictures) != strings.Count(text, "<svg") || len(pictures) < 9 {
		t.Errorf("%d pictures as files, %d in the page", len(pictures), strings.Count(text, "<svg"))
	}
	for _, p := range pictures {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, p, b)
	}
	onlyFiles(t, dir, "a.txt", "a.txt"+samplesSuffix, "b.txt", "page-pictures", "page.html")
}

func wellFormed(t *testing.T, name string, text []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		switch _, err := d.Token(); err {
		case nil:
		case io.EOF:
			return
		default:
			t.Errorf("%s: %v", name, err)
			return
		}
	}
}

func TestReportRefuses(t *testing.T) {
	dir := t.TempDir()
	good := writeFile(t, dir, "good.txt", "BenchmarkNoKeys 10 5 ns/op\n")
	empty := writeFile(t, dir, "empty.txt", "hello\n")
	page := "-o=" + filepath.Join(dir, "page.html")
	for _, x := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{page}, statusUsage, "no files"},
		{[]string{good}, statusUsage, "page.html"},
		{[]string{"-o=page.pdf", good}, statusUsage, "page.pdf"},
		{[]string{"-x", good}, statusUsage, "-x"},
		{[]string{page, filepath.Join(dir, "gone.txt")}, statusFailed, "gone.txt"},
		{[]string{page, empty}, statusFailed, "none of the files"},
		{[]string{"-o=" + filepath.Join(dir, "no", "page.html"), good}, statusFailed, "no"},
		{[]string{"-help"}, statusOK, "usage"},
	} {
		_, stderr, status := command(t, append([]string{"report"}, x.args...)...)
		if status != x.status {
			t.Errorf("%q: status %d, want %d", x.args, status, x.status)
		}
		wantParts(t, fmt.Sprint(x.args), stderr, x.want)
	}
	onlyFiles(t, dir, "empty.txt", "good.txt")
}

// A single sample has no interval, whose ends are infinite: it is drawn without.
func TestReportOfOneSample(t *testing.T) {
	dir := t.TempDir()
	file := writeFile(t, dir, "a.txt", `commit: 0123456789ab

BenchmarkPair/api=cpu/flags=none/size=64-1 100 5 ns/op
BenchmarkPair/api=cpu/flags=destroy_by_rcu/size=64-1 100 6 ns/op
BenchmarkPair/api=malloc/flags=none/size=64/impl=glibc-1 100 8 ns/op
BenchmarkPair/api=cpu/flags=none/size=64-2 100 5 ns/op
BenchmarkIdle-1 100 0 ns/op
`)
	same := writeFile(t, dir, "b.txt", "commit: 0123456-dirty\n\nBenchmarkNoKeys 10 5 ns/op\n")
	page := filepath.Join(dir, "page.html")
	_, stderr, status := command(t, "report", "-o="+page, file, same)
	if status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	wantParts(t, "page", string(html), `<h2 id="Peers">`, `<h2 id="Flags">`, `<h2 id="Scaling">`, "0.62", "1.2")
	if strings.Contains(string(html), "differ in") {
		t.Error("a commit that is shortened is another one")
	}
}

// A companion that is damaged or of somebody else costs its pictures, not the page.
func TestReportBadCompanion(t *testing.T) {
	for _, text := range []string{"", "x,y\n1,2\n", companionText + "a,1,soon,0,0,0,0,0,0,0,0,0,0\n", companionText + "a,1\n"} {
		dir := t.TempDir()
		file := writeFile(t, dir, "a.txt", "BenchmarkNoKeys 10 5 ns/op\n")
		writeFile(t, dir, "a.txt"+samplesSuffix, text)
		_, stderr, status := command(t, "report", "-o="+filepath.Join(dir, "page.html"), file)
		if status != statusOK {
			t.Errorf("status %d", status)
		}
		wantParts(t, "stderr", stderr, samplesSuffix)
	}
}

func TestTickLabel(t *testing.T) {
	for _, x := range []struct {
		v    float64
		unit string
		want string
	}{
		{0, "sec", "0"}, {1e-9, "sec", "1ns"}, {2.5e-6, "sec/op", "2.5µs"}, {0.25e-9, "sec", "0.25ns"}, {1 << 26, "B", "64MiB"}, {2, "times", "2"},
	} {
		if got := tickLabel(x.v, x.unit); got != x.want {
			t.Errorf("%v %s is %q, want %q", x.v, x.unit, got, x.want)
		}
	}
}
