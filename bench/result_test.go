package bench

import (
	"bytes"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"
)

// measured is a result as Do would return it.
func measured(c *Case, nsPerOp float64) *Result {
	return &Result{Case: c, Iters: 1000, Values: []Value{{"ns/op", nsPerOp}, {"limbo-peak-B", 4096}}}
}

// What is written is read back: names, values, units, environment.
func TestRecordRoundTrip(t *testing.T) {
	env := Environment("native")
	var buf bytes.Buffer
	w := benchfmt.NewWriter(&buf)
	for _, u := range UnitMetadata() {
		if err := w.Write(u); err != nil {
			t.Fatal(err)
		}
	}
	c := pair.Cases(Selection{CPUs: []int{2}})[0]
	for _, ns := range []float64{1.23456789, 1234567.89} {
		if err := w.Write(measured(c, ns).Record(env)); err != nil {
			t.Fatal(err)
		}
	}
	r := benchfmt.NewReader(&buf, "test")
	var got []*benchfmt.Result
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			got = append(got, rec.Clone())
		case *benchfmt.SyntaxError:
			t.Error(rec)
		}
	}
	if err := r.Err(); err != nil || len(got) != 2 {
		t.Fatalf("%d results, %v", len(got), err)
	}
	if n := got[0].Name.String(); n != "Pair/api=cpu/flags=none/size=64-2" {
		t.Errorf("name %s", n)
	}
	if v, _ := got[0].Value("sec/op"); math.Abs(v-1.2346e-9) > 1e-15 {
		t.Errorf("sec/op %v", v)
	}
	if v, _ := got[1].Value("sec/op"); math.Abs(v-1.2346e-3) > 1e-9 {
		t.Errorf("sec/op %v", v)
	}
	if v, _ := got[0].Value("limbo-peak-B"); v != 4096 {
		t.Errorf("limbo-peak-B %v", v)
	}
	for _, k := range []string{"go", "goos", "goarch", "kernel", "cpu", "cores", "vm", "gomaxprocs", "gogc", "commit", "flavor", "layout"} {
		if got[0].GetConfig(k) == "" {
			t.Errorf("no configuration %s", k)
		}
	}
	if r.Units().GetBetter("updates/s") != 1 || r.Units().GetBetter("sec/op") != -1 {
		t.Error("the file does not say which direction is better")
	}
}

func TestRound(t *testing.T) {
	for v, want := range map[float64]float64{
		0: 0, 1.234567: 1.2346, 123456789: 123460000, 0.000123456789: 0.00012346, -2.34567891: -2.3457, 2: 2,
	} {
		if got := round(v, 5); math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%v to five digits is %v, want %v", v, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	get := func(name string) string {
		for _, k := range Environment("") {
			if k.Name == name {
				return k.Value
			}
		}
		return ""
	}
	if v := get("go"); v != runtime.Version() {
		t.Errorf("go: %s", v)
	}
	if v := get("layout"); v != "" {
		t.Errorf("layout: %s", v)
	}
	if c := Commit(); c == "" || strings.ContainsAny(c, " \n") {
		t.Errorf("commit: %q", c)
	}
}

// Comparisons are those of benchmath: a real difference is shown, none is not,
// and few samples are said to be few.
func TestCompare(t *testing.T) {
	cases := growShrink.Cases(Selection{Flags: testSelection().Flags, Sizes: []int{64}})
	var results []*Result
	for i := range 10 {
		results = append(results, measured(cases[0], 100+float64(i)), measured(cases[1], 200+float64(i)))
	}
	got := Compare(results, "flags", "none", "destroy_by_rcu")
	if len(got) != 2 {
		t.Fatalf("%d comparisons, want one of each unit", len(got))
	}
	c := got[0]
	if c.Name != "GrowShrink/size=64-1" || c.Unit != "sec/op" {
		t.Errorf("compared %s of %s", c.Unit, c.Name)
	}
	if c.Delta() != "+95.69%" || c.Test.P > 0.001 || c.Test.N1 != 10 {
		t.Errorf("delta %s, %s", c.Delta(), c.Test)
	}
	if got[1].Delta() != "~" {
		t.Errorf("equal samples have delta %s", got[1].Delta())
	}
	few := Compare(results[:4], "flags", "none", "destroy_by_rcu")[0]
	if few.Delta() != "~" || len(few.Warnings) == 0 {
		t.Errorf("two samples have delta %s and warnings %v", few.Delta(), few.Warnings)
	}
	if none := Compare(results, "flags", "none", "panic"); len(none) != 0 {
		t.Errorf("one side alone compares as %v", none)
	}
}

func TestSummaries(t *testing.T) {
	c := pair.Cases(Selection{})[0]
	var results []*Result
	for _, ns := range []float64{5, 1, 3, 2, 4, 6, 7} {
		results = append(results, measured(c, ns))
	}
	got := Summaries(results)
	if len(got) != 2 || got[0].Unit != "sec/op" || got[0].N != 7 || math.Abs(got[0].Center-4e-9) > 1e-15 {
		t.Errorf("summaries %+v", got)
	}
}

func TestCaveats(t *testing.T) {
	has := func(list []string, part string) bool {
		return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
	}
	if c := Caveats([]int{1, 10_000}, 0); !has(c, "10000 CPUs on") {
		t.Errorf("more CPUs than cores: %q", c)
	}
	if c := Caveats([]int{1}, 1e6); !has(c, "busy") {
		t.Errorf("a busy machine: %q", c)
	}
	if c := Caveats([]int{1}, 0); has(c, "busy") || has(c, "cores:") {
		t.Errorf("a quiet machine: %q", c)
	}
	c := pair.Cases(Selection{})[0]
	var quiet, noisy []*Result
	for i := range 10 {
		quiet = append(quiet, measured(c, 100+float64(i)/10))
		noisy = append(noisy, measured(c, 100+30*float64(i)))
	}
	if w := SampleCaveats(Summaries(quiet)); len(w) != 0 {
		t.Errorf("quiet samples: %q", w)
	}
	if w := SampleCaveats(Summaries(noisy)); !has(w, "noisy") {
		t.Errorf("noisy samples: %q", w)
	}
	if w := SampleCaveats(Summaries(quiet[:5])); !has(w, "fewer than 6") {
		t.Errorf("five samples: %q", w)
	}
}

// What is off the scale stays visible at its edge.
func TestLatencyRange(t *testing.T) {
	w := &Worker{}
	w.Record(0)
	w.Record(time.Hour)
	h := mergeLatencies([]*Worker{w, {}})
	if h.TotalCount() != 2 || h.Max() < int64(99*time.Second) {
		t.Errorf("%d latencies, the highest %v", h.TotalCount(), time.Duration(h.Max()))
	}
	if mergeLatencies([]*Worker{{}}) != nil {
		t.Error("a histogram of nothing")
	}
}
