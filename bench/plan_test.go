package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

func TestMatcher(t *testing.T) {
	c := pair.Cases(Selection{})[0] // Pair/api=cpu/flags=none/size=64
	for pattern, want := range map[string]bool{
		"":                           true,
		"Pair":                       true,
		"air":                        true,
		"^P":                         true,
		"Batch":                      false,
		"Batch|Pair":                 true,
		"Pair/api=cpu":               true,
		"Pair/cpu":                   true,
		"Pair/api=any":               false,
		"Pair//size=64":              false,
		"Pair///size=64":             true,
		"Pair/./flags=none/size=6":   true,
		"Pair/./././impl":            false,
		"Pair/(api=cpu|x/y)":         true,
		"[P/]air/api=[c/]pu":         true,
		`Pair/api\=cpu`:              true,
		"^(Pair|Batch10k)$/^api=cpu": true,
		"Batch/api=any|Pair/api=cpu": true,
		"Batch/api=cpu|Pair/api=any": false,
	} {
		m, err := NewMatcher(pattern)
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
		} else if got := m.Match(c); got != want {
			t.Errorf("%q matches: %v, want %v", pattern, got, want)
		}
	}
	if _, err := NewMatcher("Pair/(("); err == nil || !strings.Contains(err.Error(), "((") {
		t.Errorf("a bad pattern: error %v", err)
	}
}

func TestBenchtime(t *testing.T) {
	for text, want := range map[string]Benchtime{
		"1s":    {D: time.Second},
		"250ms": {D: 250 * time.Millisecond},
		"100x":  {N: 100},
		"":      {}, "x": {}, "0x": {}, "-1s": {}, "0": {}, "10": {}, "1.5x": {},
	} {
		var b Benchtime
		err := b.UnmarshalText([]byte(text))
		if (err == nil) != (want != Benchtime{}) || b != want {
			t.Errorf("%q: %v, error %v", text, b, err)
		}
		if err == nil && b.String() != text {
			t.Errorf("%q prints as %q", text, b)
		}
	}
	if s := (Benchtime{}).String(); s != "1s" {
		t.Errorf("the default prints as %q", s)
	}
}

// The search ends close to the goal, whatever an operation costs.
func TestSearch(t *testing.T) {
	goal := Benchtime{D: time.Second}
	for _, cost := range []float64{0.25, 3, 1000, 1e6, 3e9} { // ns
		const fixed = 20_000 // ns of a round, whatever its length
		n, rounds := goal.first(), 0
		for {
			d := time.Duration(fixed + float64(n)*cost)
			if goal.settled(n, d) {
				if cost < 1e9 && d > 2*time.Second {
					t.Errorf("at %v ns the round lasts %v", cost, d)
				}
				break
			}
			if rounds++; rounds > 12 {
				t.Fatalf("at %v ns %d rounds did not settle", cost, rounds)
			}
			n = goal.next(n, d)
		}
	}
	fixed := Benchtime{N: 100}
	if fixed.first() != 100 || !fixed.settled(100, 0) {
		t.Error("a count is not taken as it is")
	}
	if n := goal.next(maxIterations/2, 1); n > maxIterations {
		t.Errorf("%d iterations", n)
	}
}

// Cases that differ in their flags alone take turns.
func TestPlanInterleaves(t *testing.T) {
	p, err := NewPlan(Options{
		Selection: Selection{Flags: []kmem.Flags{0, kmem.DestroyByRCU}, Sizes: []int{64}},
		Pattern:   "^GrowShrink$",
		Count:     3,
	})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, c := range p.Cases {
		order = append(order, c.Key("flags"))
	}
	if got := strings.Join(order, " "); got != "none destroy_by_rcu none destroy_by_rcu none destroy_by_rcu" {
		t.Errorf("order %s", got)
	}
}

// So do the roads of Oblique, whose flags differ too.
func TestPlanInterleavesRoads(t *testing.T) {
	p, err := NewPlan(Options{Pattern: "Oblique/./readers/work=idle|Oblique/./readers/updaters/work=cow", Selection: Selection{CPUs: []int{2}}, Count: 2})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, c := range p.Cases {
		order = append(order, c.Key("work")+"/"+c.Key("impl"))
	}
	const idle, cow = "idle/slabrcu idle/refcount idle/biglock idle/pinned ", "cow/slabrcu cow/refcount cow/biglock cow/pinned "
	if got := strings.Join(order, " ") + " "; got != idle+idle+cow+cow {
		t.Errorf("order %s", got)
	}
}

// What is skipped is left out whatever the pattern says, and the estimate knows
// which cases take long to set up.
func TestSkipAndEstimate(t *testing.T) {
	o := Options{Pattern: "Loop|Table/api=any/n=1000000$", Skip: "Table/././dist=zipf|Loop", Benchtime: Benchtime{D: 100 * time.Millisecond}, Count: 2}
	p, err := NewPlan(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Cases {
		if c.Scenario.Name != "Table" || c.Params.Dist == "zipf" {
			t.Errorf("%s is in the plan", c.Name())
		}
		if raceEnabled {
			continue
		}
		if d := p.EstimateOf(c); d < 350*time.Millisecond || d > 3*time.Second {
			t.Errorf("%s: %v", c.Name(), d)
		}
	}
	o.Skip = "(("
	if _, err := NewPlan(o); err == nil || !strings.Contains(err.Error(), "((") {
		t.Errorf("a bad pattern: error %v", err)
	}
	o.Skip = "."
	if _, err := NewPlan(o); err == nil || !strings.Contains(err.Error(), `without "."`) {
		t.Errorf("nothing is left: error %v", err)
	}
}

func TestPlanUnknownScenario(t *testing.T) {
	_, err := NewPlan(Options{Pattern: "Nothing"})
	if err == nil || !strings.Contains(err.Error(), "ReadSection") {
		t.Errorf("error %v does not list the scenarios", err)
	}
}

// A pattern that names a scenario but none of its cases hears of the keys.
func TestPlanUnknownKey(t *testing.T) {
	const legal = "api, flags, size, live, impl, in this order"
	for pattern, want := range map[string]string{
		"Pair$/foo=1":         `"Pair$/foo=1" matches no case of Pair: there is no key foo; legal are ` + legal,
		"Pair$/api=cpu/^foo=": "there is no key foo; legal are " + legal,
		"Pair$/size=64":       "matches no case of Pair; legal keys are " + legal, // not at its place
		"Pair$/api=bar":       "matches no case of Pair; legal keys are " + legal,
		"Pair$|Loop$/foo=1":   "", // Pair is chosen
		"(Pair|Loop)$/foo=1":  "matches no case of Loop, Pair: there is no key foo; legal are " + legal,
		"Pairs/foo=1":         "matches no scenario; legal are ",
	} {
		_, err := NewPlan(Options{Pattern: pattern})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", pattern, err, want)
		}
	}
}

// The quick selection fits a minute on any number of cores.
func TestQuickSelection(t *testing.T) {
	for _, cpus := range [][]int{{1}, {1, 2}, {1, 64}, {1, 2, 4, 8}} {
		p, err := NewPlan(Options{Selection: Selection{CPUs: cpus}})
		if err != nil {
			t.Fatal(err)
		}
		if e := p.Estimate(); e > time.Minute || len(p.Cases) < 15 {
			t.Errorf("on %v CPUs: %d cases in %v", cpus, len(p.Cases), e)
		}
	}
}

// A case that dies ends alone, and the outcome says why.
func TestRunGoesOnAfterPanic(t *testing.T) {
	boom := &Scenario{Name: "Boom", Variants: []Variant{{Run: func(r *Run) error {
		return r.Measure(func(round *Round) {
			round.CPUs(2, func(w *Worker) {
				w.Begin()
				if w.ID == 0 {
					panic("boom")
				}
				w.End()
			})
		})
	}}}}
	empty := &Scenario{Name: "Empty", Variants: []Variant{{Run: func(*Run) error { return nil }}}}
	p := &Plan{Benchtime: Benchtime{N: 10}}
	for _, s := range []*Scenario{boom, empty, loop} {
		p.Cases = append(p.Cases, s.Cases(Selection{})...)
	}
	var outcomes []Outcome
	err := p.Run(t.Context(), func(*Case) {}, func(o Outcome) error {
		outcomes = append(outcomes, o)
		return nil
	})
	if err != nil || len(outcomes) != 3 {
		t.Fatalf("%d outcomes, error %v", len(outcomes), err)
	}
	var died *PanicError
	if !errors.As(outcomes[0].Err, &died) || died.Value != "boom" || !strings.Contains(string(died.Stack), "plan_test.go") {
		t.Errorf("the panic came out as %v", outcomes[0].Err)
	}
	if outcomes[1].Err == nil || outcomes[1].Result != nil {
		t.Errorf("a scenario that measures nothing came out as %+v", outcomes[1])
	}
	if outcomes[2].Err != nil {
		t.Errorf("the third case: %v", outcomes[2].Err)
	}
}

func TestRunStops(t *testing.T) {
	p := &Plan{Benchtime: Benchtime{N: 10}, Cases: append(loop.Cases(Selection{}), loop.Cases(Selection{})...)}
	full := errors.New("disk full")
	n := 0
	err := p.Run(t.Context(), func(*Case) {}, func(Outcome) error { n++; return full })
	if err != full || n != 1 {
		t.Errorf("%d outcomes, error %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n = 0
	err = p.Run(ctx, func(*Case) {}, func(Outcome) error { n++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%d outcomes, error %v", n, err)
	}
}
