// Comparisons: two sets of samples, their medians, intervals and p values, all
// computed by x/perf.
//
// See doc.go for an overview.

package bench

import (
	"slices"

	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// confidence is the level of the intervals.
const confidence = 0.95

// Comparison is one unit of one case under two settings of a key.
type Comparison struct {
	Name     string // of the case, without the key that was varied
	Unit     string // in base units, as x/perf has it: sec/op
	Old, New benchmath.Summary
	Test     benchmath.Comparison
	Warnings []error // about the samples, each once
}

// Delta says by how much the new median differs, or "~" when nothing was shown.
func (c Comparison) Delta() string { return c.Test.FormatDelta(c.Old.Center, c.New.Center) }

// Compare sets the results whose key has the first value beside those that have
// the second. Cases that have no results on both sides are left out.
func Compare(results []*Result, key, first, second string) []Comparison {
	var order []sampleID
	samples := map[sampleID]*[2][]float64{}
	for _, r := range results {
		side := slices.Index([]string{first, second}, r.Case.Key(key))
		if side < 0 {
			continue
		}
		name := r.Case.nameWithout(key)
		for _, v := range r.Values {
			base, unit := benchunit.Tidy(v.V, v.Unit)
			id := sampleID{name, unit}
			if samples[id] == nil {
				samples[id] = new([2][]float64)
				order = append(order, id)
			}
			samples[id][side] = append(samples[id][side], base)
		}
	}
	var out []Comparison
	for _, id := range order {
		if s := samples[id]; len(s[0]) > 0 && len(s[1]) > 0 {
			out = append(out, compareSamples(id, s[0], s[1]))
		}
	}
	return out
}

type sampleID struct{ name, unit string }

func compareSamples(id sampleID, a, b []float64) Comparison {
	assume := benchmath.AssumeNothing
	old := benchmath.NewSample(a, &benchmath.DefaultThresholds)
	new := benchmath.NewSample(b, &benchmath.DefaultThresholds)
	c := Comparison{
		Name: id.name, Unit: id.unit,
		Old:  assume.Summary(old, confidence),
		New:  assume.Summary(new, confidence),
		Test: assume.Compare(old, new),
	}
	for _, w := range slices.Concat(c.Old.Warnings, c.New.Warnings, c.Test.Warnings) {
		if !slices.ContainsFunc(c.Warnings, func(have error) bool { return have.Error() == w.Error() }) {
			c.Warnings = append(c.Warnings, w)
		}
	}
	return c
}

// Summaries returns the median and interval of every unit of every case, in the
// order of the results.
func Summaries(results []*Result) []Summary {
	var out []Summary
	place := map[sampleID]int{}
	values := map[sampleID][]float64{}
	for _, r := range results {
		for _, v := range r.Values {
			base, unit := benchunit.Tidy(v.V, v.Unit)
			id := sampleID{r.Case.Name(), unit}
			if _, ok := place[id]; !ok {
				place[id] = len(out)
				out = append(out, Summary{Case: r.Case, Unit: unit})
			}
			values[id] = append(values[id], base)
		}
	}
	for id, i := range place {
		s := benchmath.NewSample(values[id], &benchmath.DefaultThresholds)
		out[i].Summary = benchmath.AssumeNothing.Summary(s, confidence)
		out[i].N = len(values[id])
	}
	return out
}

// Summary is one unit of one case over all its samples.
type Summary struct {
	Case *Case
	Unit string // in base units
	N    int    // samples
	benchmath.Summary
}
