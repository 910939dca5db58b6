// The goals: what must be reached, in the order in which the table shows it.
// See main.go for an overview.

package main

import "slices"

// goal is one line of what must be reached. Fields that are zero match any row.
type goal struct {
	bench  string
	api    string // of ours
	size   int
	live   int // 0 is 1
	n      int
	flavor string
	unit   string // "" is ns/op

	against []string // the best of these is the measure; none: the limit is a figure
	limit   float64  // ratio to the measure, or a figure in unit, or a share
	scaling bool     // limit is a share of the counting loop's own scaling, to be reached from above
	crowded bool     // limit is a share of the throughput with a core for each CPU, to be reached from above
}

var goals = []goal{
	{bench: "Pair", api: "cpu", against: mallocs, limit: 0.30},
	{bench: "Pair", api: "cpu", live: 2, against: mallocs, limit: 0.45},
	{bench: "Pair", api: "any", against: mallocs, limit: 0.80},
	{bench: "Pair", api: "any", against: []string{"syncpool"}, limit: 0.40},
	{bench: "Batch10k", api: "cpu", against: mallocs, limit: 0.60},
	{bench: "RandomLive100k", api: "cpu", size: 64, against: mallocs, limit: 0.50},
	{bench: "RandomLive100k", api: "cpu", size: 256, against: mallocs, limit: 0.60},
	{bench: "ProdCons", api: "cpu", against: mallocs, limit: 0.60},
	{bench: "ProdCons", api: "cpu", against: []string{"ring"}, limit: 1.25},
	{bench: "ProdCons", api: "bulk", against: []string{"ring"}, limit: 1.25},
	{bench: "Larson", api: "cpu", against: mallocs, limit: 1.0},
	{bench: "Xmalloc", api: "cpu", against: mallocs, limit: 1.0},
	{bench: "MStress", api: "cpu", against: mallocs, limit: 1.0},
	{bench: "Sh6", api: "cpu", against: mallocs, limit: 1.0},
	{bench: "Bulk", n: 32, limit: 1.5},
	{bench: "ReadSection", api: "registered", flavor: "qsbr", against: []string{"liburcu"}, limit: 0.6},
	{bench: "ReadSection", api: "registered", flavor: "memb", against: []string{"liburcu"}, limit: 0.9},
	{bench: "ReadSection", api: "registered", flavor: "mb", against: []string{"liburcu"}, limit: 0.10},
	{bench: "ReadSection", api: "registered", flavor: "mb", against: []string{"xchg"}, limit: 1.0},
	{bench: "ReadSection", api: "any", limit: 5.0},
	{bench: "Synchronize", flavor: "qsbr", against: []string{"liburcu"}, limit: 0.7},
	{bench: "Synchronize", flavor: "memb", against: []string{"liburcu"}, limit: 0.03},
	{bench: "Synchronize", flavor: "mb", against: []string{"liburcu"}, limit: 0.7},
	{bench: "Call", against: []string{"liburcu"}, limit: 0.5},
	{bench: "Call", unit: "p99-latency-ns", limit: 50_000},
	{bench: "Pair", limit: 0.97, scaling: true},
	{bench: "Batch10k", limit: 0.97, scaling: true},
	{bench: "RandomLive100k", limit: 0.97, scaling: true},
	{bench: "Sh6", limit: 0.97, scaling: true},
	{bench: "Larson", limit: 0.97, scaling: true},
	{bench: "ReadSection", limit: 0.97, scaling: true},
	{bench: "Pair", limit: 0.85, crowded: true},
	{bench: "Batch10k", limit: 0.85, crowded: true},
	{bench: "RandomLive100k", limit: 0.85, crowded: true},
}

// noRival are the measures that nobody can be ahead of us with: they do not do
// the work.
var noRival = []string{"ring", "popped", "loop", "xchg", "bare", "checked", "drained", "leased", "apart"}

// floor is one who does less than the work asks for: what it reaches is shown beside a
// goal that we miss.
type floor struct {
	entrant
	under string // the api of ours that it does a part of; "" is any
}

// apart is ours with a heap for each CPU.
var floors = []floor{
	{entrant{"bare", "malloc"}, ""},
	{entrant{"checked", "malloc"}, ""},
	{entrant{"drained", "malloc"}, "cpu"},
	{entrant{"leased", "malloc"}, "any"},
	{entrant{"popped", "malloc"}, "cpu"},
	{entrant{"apart", "cpu"}, ""},
	{entrant{"bare", "registered"}, ""},
}

func isFloor(impl string) bool {
	return slices.ContainsFunc(floors, func(f floor) bool { return f.impl == impl })
}

// applies reports whether the goal speaks of our entrant in this row.
func (g goal) applies(r row, e entrant) bool {
	return e.ours() && g.crowded == r.crowded && g.bench == r.bench && max(g.live, 1) == r.live &&
		(g.api == "" || g.api == e.api) &&
		(g.size == 0 || g.size == r.size) &&
		(g.n == 0 || g.n == r.n) &&
		(g.flavor == "" || g.flavor == r.flavor) &&
		(!g.scaling || r.cpus == 2)
}

// met reports whether a figure reaches the goal.
func (g *goal) met(value float64) bool {
	if g.scaling || g.crowded {
		return value >= g.limit
	}
	return value <= g.limit
}

func (g goal) rival(e entrant) bool { return slices.Contains(g.against, e.impl) }

func (g goal) figureUnit() string {
	if g.unit == "" {
		return "ns/op"
	}
	return g.unit
}
