// Results: what a case measured, and its form in the benchmark format.
//
// See doc.go for an overview.

package bench

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchunit"
)

// Result is what one case measured once.
type Result struct {
	Case    *Case
	Iters   int           // iterations of each measured worker
	Elapsed time.Duration // from the first start to the last end
	Values  []Value       // ns/op first
	Latency *hdrhistogram.Histogram
}

// Value is one figure with its unit.
type Value struct {
	Unit string
	V    float64
}

// Get returns the value of a unit, or false.
func (r *Result) Get(unit string) (float64, bool) {
	for _, v := range r.Values {
		if v.Unit == unit {
			return v.V, true
		}
	}
	return 0, false
}

// Record returns the result in the benchmark format, below the environment
// that it was measured in.
func (r *Result) Record(env []Key) *benchfmt.Result {
	out := &benchfmt.Result{
		Name:  benchfmt.Name(r.Case.Name()),
		Iters: r.Iters,
	}
	for _, k := range env {
		out.Config = append(out.Config, benchfmt.Config{Key: k.Name, Value: []byte(k.Value), File: true})
	}
	for _, v := range r.Values {
		out.Values = append(out.Values, tidy(v))
	}
	return out
}

// tidy brings a value into the base unit that x/perf computes in, and keeps
// the unit that people read.
func tidy(v Value) benchfmt.Value {
	digits := round(v.V, 5)
	base, unit := benchunit.Tidy(digits, v.Unit)
	if unit == v.Unit {
		return benchfmt.Value{Value: base, Unit: unit}
	}
	return benchfmt.Value{Value: base, Unit: unit, OrigValue: digits, OrigUnit: v.Unit}
}

// round keeps the given number of significant digits. More would be noise, and
// would make files differ where nothing does.
func round(v float64, digits int) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// UnitMetadata returns what a reader of the file must know about the units:
// which direction is better.
func UnitMetadata() []*benchfmt.UnitMetadata {
	var out []*benchfmt.UnitMetadata
	for _, u := range units {
		if u.better == "" {
			continue
		}
		_, base := benchunit.Tidy(1, u.name)
		out = append(out, &benchfmt.UnitMetadata{
			UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: base, Key: "better"},
			OrigUnit:        u.name,
			Value:           u.better,
		})
	}
	return out
}

// sums adds up figures by their unit, in the order in which they first came.
type sums []Value

func (s *sums) add(unit string, v float64) {
	for i := range *s {
		if (*s)[i].Unit == unit {
			(*s)[i].V += v
			return
		}
	}
	*s = append(*s, Value{unit, v})
}

// sortValues puts figures in the order of the unit table; units that stand
// not in it follow by name.
func sortValues(values []Value) {
	slices.SortStableFunc(values, func(a, b Value) int {
		return cmp.Or(cmp.Compare(UnitPlace(a.Unit), UnitPlace(b.Unit)), cmp.Compare(a.Unit, b.Unit))
	})
}
