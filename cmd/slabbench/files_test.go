package main

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/bench"
)

// -o appears whole under its name, and leaves nothing else behind.
func TestOutputFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out.txt")
	stdout, stderr, status := command(t, "-bench=Loop", "-cpu=1", "-benchtime=10x", "-o="+name)
	if status != statusOK || stdout != "" {
		t.Fatalf("status %d, output %q: %s", status, stdout, stderr)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(parsed(t, string(text))); got != 1 {
		t.Errorf("%d results in the file", got)
	}
	wantParts(t, "stderr", stderr, name)
	onlyFiles(t, dir, "out.txt")
}

func TestOutputUnwritable(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{filepath.Join(dir, "no", "out.txt"), dir} {
		_, stderr, status := command(t, "-bench=Loop", "-cpu=1", "-benchtime=10x", "-o="+name)
		if status != statusFailed {
			t.Errorf("-o %s: status %d", name, status)
		}
		wantParts(t, "stderr", stderr, name)
	}
	onlyFiles(t, dir)
	for _, flag := range []string{"-cpuprofile", "-memprofile", "-trace"} {
		_, stderr, status := command(t, "-bench=Loop", "-cpu=1", "-benchtime=10x", flag+"="+filepath.Join(dir, "no", "p"))
		if status != statusFailed || strings.Contains(stderr, "measurements of") {
			t.Errorf("%s: status %d: %s", flag, status, stderr)
		}
	}
}

func onlyFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("files %q, want %q", got, want)
	}
}

// -sample writes a CSV file beside the results, with a line for each look and the
// runs of a case counted.
func TestSample(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out.txt")
	_, stderr, status := command(t, "-bench=GrowShrink", "-size=64", "-cpu=1", "-benchtime=100x", "-count=2", "-sample=1ms", "-o="+name)
	if status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	onlyFiles(t, dir, "out.txt", "out.txt"+samplesSuffix)
	f, err := os.Open(name + samplesSuffix)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 3 { // each run is looked at when it begins, however fast the machine is
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if first, last := rows[1], rows[len(rows)-1]; first[1] != "1" || last[1] != "2" || last[0] != "GrowShrink/flags=none/size=64-1" {
		t.Errorf("the first row is %q, the last %q", first, last)
	}
}

// -http shows the run from outside, profiles included.
func TestHTTP(t *testing.T) {
	var stderr bytes.Buffer
	v, err := openWindow("localhost:0", &bench.Plan{Cases: make([]*bench.Case, 7)}, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	_, url, _ := strings.Cut(strings.TrimSpace(stderr.String()), "look at ")
	c := bench.Lookup("Loop").Cases(bench.Selection{})[0]
	v.starting(c)
	v.sample(bench.Sample{Limbo: 12345})
	v.done(bench.Outcome{Case: c, Result: &bench.Result{Case: c, Values: []bench.Value{{Unit: "ns/op", V: 42}}}})
	for path, want := range map[string]string{
		"":                            "debug/pprof",
		"debug/vars":                  `"Limbo": 12345`,
		"debug/pprof/goroutine":       "",
		"debug/pprof/heap?debug=1":    "heap profile",
		"debug/pprof/":                "goroutine",
		"debug/pprof/kmem?debug=1":    "",
		"debug/pprof/symbol?0x401000": "",
	} {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !bytes.Contains(b, []byte(want)) {
			t.Errorf("%s: %s, %v: %s", path, res.Status, err, b)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := v.close(); err != nil {
		t.Error(err)
	}
	if _, stderr, status := command(t, "-bench=Loop", "-cpu=1", "-benchtime=10x", "-http=nowhere:-1"); status != statusFailed {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// /slabinfo has the caches of the case under way.
func TestSlabinfo(t *testing.T) {
	plan, err := bench.NewPlan(bench.Options{Pattern: "^GrowShrink$", Benchtime: bench.Benchtime{N: 2000}, Selection: bench.Selection{Sizes: []int{64}, CPUs: []int{1}}})
	if err != nil {
		t.Fatal(err)
	}
	var seen []byte
	plan.Sampling = bench.Sampling{Every: time.Millisecond, To: func(*bench.Case, bench.Sample) {
		rec := httptest.NewRecorder()
		(&window{plan: plan}).slabinfo(rec, nil)
		if len(seen) == 0 && rec.Code == http.StatusOK {
			seen = rec.Body.Bytes()
		}
	}}
	if err := plan.Run(t.Context(), func(*bench.Case) {}, func(o bench.Outcome) error { return o.Err }); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(seen, []byte("slabinfo - version")) || !bytes.Contains(seen, []byte("tunables")) {
		t.Errorf("it shows %q", seen)
	}
}

func TestProfiles(t *testing.T) {
	dir := t.TempDir()
	args := []string{"-bench=Loop", "-cpu=1", "-benchtime=10x"}
	var names []string
	for _, p := range []string{"blockprofile", "cpuprofile", "memprofile", "mutexprofile", "trace"} {
		args = append(args, "-"+p+"="+filepath.Join(dir, p))
		names = append(names, p)
	}
	if _, stderr, status := command(t, args...); status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	onlyFiles(t, dir, names...)
	for _, n := range names {
		if st, err := os.Stat(filepath.Join(dir, n)); err != nil || st.Size() == 0 {
			t.Errorf("%s is empty: %v", n, err)
		}
	}
}

// An execution trace shows where caches refill and grow, and where somebody waits
// for a grace period.
func TestTraceRegions(t *testing.T) {
	name := filepath.Join(t.TempDir(), "trace")
	if _, stderr, status := command(t, "-bench=^(GrowShrink|Synchronize)$", "-size=64", "-cpu=1", "-benchtime=200x", "-trace="+name); status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"kmem.Refill", "kmem.Grow", "urcu.GracePeriod"} {
		if !bytes.Contains(b, []byte(region)) {
			t.Errorf("no region %s in the trace", region)
		}
	}
}
