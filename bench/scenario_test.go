package bench

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"github.com/slabrcu/slabrcu/kmem"
)

// testSelection is everything at once, on heaps that fit the race lane.
func testSelection() Selection {
	return Selection{
		Flags: []kmem.Flags{0, kmem.DestroyByRCU},
		Sizes: []int{64, 256},
		CPUs:  []int{1, 2},
	}
}

var nameForm = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*(/[a-z]+=[a-z0-9_+.-]+)*-[0-9]+$`)

// Names are a contract: their form, their keys and the order of those.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Scenarios() {
		if s.Desc == "" || s.Unit == "" || !strings.HasSuffix(s.Desc, ".") {
			t.Errorf("%s: want a sentence and a unit, have %q and %q", s.Name, s.Desc, s.Unit)
		}
		for _, c := range s.Cases(testSelection()) {
			name := c.Name()
			if !nameForm.MatchString(name) {
				t.Errorf("name %q is not of the form %s", name, nameForm)
			}
			if seen[name] {
				t.Errorf("name %q twice", name)
			}
			seen[name] = true
			last := -1
			for _, k := range c.Keys {
				i := slices.Index(keyOrder, k.Name)
				if i <= last {
					t.Errorf("%s: key %s is unknown or out of order", name, k.Name)
				}
				last = i
			}
			base, parts := benchfmt.Name(name).Parts()
			if string(base) != s.Name || len(parts) != len(c.Keys)+1 {
				t.Errorf("benchfmt reads %q as %q with %d parts", name, base, len(parts))
			}
		}
	}
	for _, want := range []string{
		"Pair/api=cpu/flags=none/size=64-1",
		"Pair/api=any/flags=destroy_by_rcu/size=256-2",
		"Pair/api=any/flags=none/size=64/impl=syncpool-2",
		"ReadSection/api=registered/flavor=qsbr/readers=2-2",
		"Synchronize/api=registered/flavor=mb/readers=1/updaters=1-2",
		"GrowShrink/flags=destroy_by_rcu/size=64-1",
	} {
		if !seen[want] {
			t.Errorf("no case has the name %q", want)
		}
	}
}

// Every case that can run measures something, and says so in the units of its
// scenario, which are all explained.
func TestEveryCaseMeasures(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			for _, c := range s.Cases(testSelection()) {
				if c.Skip != "" || heavy(c) {
					continue
				}
				res, err := Do(t.Context(), c, Benchtime{N: 300})
				if err != nil {
					t.Fatal(err)
				}
				if res.Iters != 300 || len(res.Values) == 0 || res.Values[0].Unit != "ns/op" || res.Values[0].V <= 0 {
					t.Errorf("%s: %d iterations, values %v", c.Name(), res.Iters, res.Values)
				}
				for _, v := range res.Values {
					if UnitDesc(v.Unit) == "" {
						t.Errorf("%s: unit %s is not explained", c.Name(), v.Unit)
					}
					if strings.HasPrefix(v.Unit, "returned-") && (v.V < 0 || v.V > 1) {
						t.Errorf("%s: a share %s of %v", c.Name(), v.Unit, v.V)
					}
				}
			}
		})
	}
}

// heavy reports whether a case takes seconds however few its iterations: those
// run in one size, without flags, and with few objects.
func heavy(c *Case) bool {
	switch c.Scenario {
	case footprint, spikeIdle:
		return c.Params.Size != 64 || c.Params.Flags != 0 || c.Params.N > 1_000_000
	case collector:
		return c.Params.N > 100_000 || c.Params.Flags != 0
	case tableMap:
		return c.Params.N > 10_000
	case sweep: // more threads than CPUs
		return c.Params.Updaters > 1 || c.Params.N >= 100_000
	}
	return false
}

// The scenarios of latencies report quantiles; those of limbo its peak.
func TestFigures(t *testing.T) {
	for pattern, units := range map[string][]string{
		"^Synchronize$": {"p50-ns", "p99-ns", "grace-periods/s"},
		"^Call$":        {"p50-latency-ns", "p99-latency-ns"},
		"^GrowShrink$":  {"limbo-peak-B", "slabs-made/s", "slabs-destroyed/s"},
		"^Typesafe$":    {"retries/op", "updates/s"},
		"^Pair$/api":    {"lock-trips/op", "contended/s", "refills/op", "flushes/op"},
	} {
		p, err := NewPlan(Options{Selection: testSelection(), Pattern: pattern, Benchtime: Benchtime{N: 500}})
		if err != nil {
			t.Fatal(err)
		}
		res, err := Do(t.Context(), p.Cases[0], p.Benchtime)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range units {
			if _, ok := res.Get(u); !ok {
				t.Errorf("%s reports no %s: %v", res.Case.Name(), u, res.Values)
			}
		}
	}
}

// GrowShrink makes and destroys the slabs that it says it does, and with the
// flag they pass through limbo.
func TestGrowShrinkCounts(t *testing.T) {
	for _, c := range growShrink.Cases(Selection{Flags: []kmem.Flags{0, kmem.DestroyByRCU}, Sizes: []int{64}}) {
		res, err := Do(t.Context(), c, Benchtime{N: 256})
		if err != nil {
			t.Fatal(err)
		}
		made, _ := res.Get("slabs-made/s")
		if n := made * res.Elapsed.Seconds(); n < 200 || n > 400 {
			t.Errorf("%s: %.0f slabs made, want some 256", c.Name(), n)
		}
		peak, _ := res.Get("limbo-peak-B")
		if want := c.Params.Flags&kmem.DestroyByRCU != 0; (peak > 0) != want {
			t.Errorf("%s: limbo peak %v", c.Name(), peak)
		}
	}
}

// A selection's CPUs bound what needs several.
func TestSkips(t *testing.T) {
	for _, s := range []*Scenario{prodCons, typesafe} {
		for _, c := range s.Cases(Selection{CPUs: []int{1}}) {
			if c.Skip == "" {
				t.Errorf("%s runs on one CPU", c.Name())
			}
			if _, err := Do(t.Context(), c, Benchtime{N: 1}); err == nil {
				t.Errorf("%s: Do of a skipped case has no error", c.Name())
			}
		}
	}
	for _, c := range synchronize.Cases(Selection{CPUs: []int{1}}) {
		if (c.Skip != "") != (c.Params.Readers > 0) {
			t.Errorf("%s: skip %q", c.Name(), c.Skip)
		}
	}
	for _, c := range pair.Cases(Selection{Sizes: []int{100}}) {
		if (c.Skip != "") != (c.Params.Impl != "") {
			t.Errorf("%s: skip %q", c.Name(), c.Skip)
		}
	}
}

// A heap at its limit ends its own case, with the reason.
func TestHeapLimit(t *testing.T) {
	sel := Selection{Sizes: []int{4096}, Heap: HeapSettings{Limit: 1 << 20}}
	_, err := Do(t.Context(), batch10k.Cases(sel)[0], Benchtime{N: batchObjects})
	if !errors.Is(err, kmem.ErrNoMemory) {
		t.Fatalf("error %v, want %v", err, kmem.ErrNoMemory)
	}
}

// An interrupt ends a case in the middle of its loop.
func TestInterrupt(t *testing.T) {
	for _, name := range []string{"Loop", "Pair", "ReadSection", "Synchronize"} {
		ctx, cancel := context.WithCancel(t.Context())
		c := Lookup(name).Cases(Selection{CPUs: []int{2}})[0]
		done := make(chan error)
		go func() {
			_, err := Do(ctx, c, Benchtime{N: maxIterations})
			done <- err
		}()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", c.Name(), err)
		}
	}
}
