package peers

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"
)

func TestEveryPeerRunsEveryWorkload(t *testing.T) {
	for _, impl := range Impls {
		for _, bench := range Benches {
			if !Runs(bench, impl) {
				continue
			}
			t.Run(impl+"/"+bench, func(t *testing.T) {
				line, err := Measure(Options{Bench: bench, Impl: impl, Size: 64, Live: 1, CPUs: 2, Time: time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				checkLine(t, line, "Benchmark"+bench+"/api=go/flags=none/size=64/impl="+impl+"-2")
			})
		}
		line, err := Measure(Options{Bench: "Pair", Impl: impl, Size: 256, Live: 2, CPUs: 1, Time: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		checkLine(t, line, "BenchmarkPair/api=go/flags=none/size=256/live=2/impl="+impl+"-1")
	}
}

func TestEveryTable(t *testing.T) {
	for _, impl := range TableImpls {
		for _, dist := range Dists {
			line, err := Measure(Options{Bench: "Table", Impl: impl, CPUs: 2, Time: time.Millisecond, N: 1000, Dist: dist, Lookups: 90})
			if err != nil {
				t.Fatal(err)
			}
			checkLine(t, line, "BenchmarkTable/api=any/n=1000/dist="+dist+"/lookups=90/impl="+impl+"-2")
		}
	}
	for want, o := range map[string]Options{
		"impl \"new\"": {Impl: "new", N: 1, Dist: "zipf"},
		"n 0":          {Impl: "xsync", Dist: "zipf"},
		"dist \"\"":    {Impl: "xsync", N: 1},
		"lookups 101":  {Impl: "xsync", N: 1, Dist: "zipf", Lookups: 101},
	} {
		o.Bench = "Table"
		if _, err := Measure(o); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "legal") {
			t.Errorf("%+v: %v, want an error that says %s", o, err, want)
		}
	}
}

func checkLine(t *testing.T, line, want string) {
	t.Helper()
	r := benchfmt.NewReader(strings.NewReader(line+"\n"), "line")
	if !r.Scan() {
		t.Fatalf("no benchmark line: %q", line)
	}
	res, ok := r.Result().(*benchfmt.Result)
	if !ok {
		t.Fatalf("%q: %v", line, r.Result())
	}
	if got := "Benchmark" + res.Name.String(); got != want {
		t.Errorf("name %s, want %s", got, want)
	}
	if v, ok := res.Value("sec/op"); !ok || v <= 0 || res.Iters <= 0 {
		t.Errorf("%q: want a time and a count above 0", line)
	}
}

func TestObjectsOfTheGoHeapEscape(t *testing.T) {
	var before, after runtime.MemStats
	h := new(goHeap[[8]uint64])
	runtime.ReadMemStats(&before)
	h.pair(1000)
	h.pairOfTwo(1000)
	runtime.ReadMemStats(&after)
	if n := after.Mallocs - before.Mallocs; n < 2000 {
		t.Errorf("%d objects were allocated, want 2,000: the loop measures nothing", n)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	ok := Options{Bench: "Pair", Impl: "new", Size: 64, Live: 1, CPUs: 1, Time: time.Millisecond}
	for name, change := range map[string]func(*Options){
		"size":    func(o *Options) { o.Size = 65 },
		"impl":    func(o *Options) { o.Impl = "nobody" },
		"bench":   func(o *Options) { o.Bench = "Larson" },
		"live":    func(o *Options) { o.Live = 3 },
		"odd":     func(o *Options) { o.Bench = "ProdCons" },
		"unowned": func(o *Options) { o.Bench, o.Impl, o.CPUs = "ProdCons", "modernc", 2 },
	} {
		o := ok
		change(&o)
		if line, err := Measure(o); err == nil {
			t.Errorf("%s: accepted %+v and printed %q", name, o, line)
		}
	}
}
