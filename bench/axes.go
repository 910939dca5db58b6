// The axes of a scenario: which keys its names carry and which values they take.
//
// See doc.go for an overview.

package bench

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
)

// keyOrder is the order in which keys stand in a benchmark's name. It is part
// of the contract that readers of results rely on.
var keyOrder = []string{
	"api", "flags", "size", "n", "live", "flavor", "readers", "updaters",
	"validate", "reuse", "colours", "slabs", "work", "dist", "lookups", "impl",
}

// Params is one point of a scenario's space, in typed form. A field that the
// scenario has no key for stands at its zero value.
type Params struct {
	API      string       // cpu, any, bulk; registered or any for readers
	Flags    kmem.Flags   // create flags of the cache under test
	Size     int          // object size in bytes
	N        int          // count, where the scenario has one
	Live     int          // objects that a worker holds at once
	Flavor   urcu.Flavor  // reader flavour of the domain
	Readers  int          // busy readers
	Updaters int          // updaters beside the readers
	Validate string       // lock, ref, seq
	Reuse    string       // typesafe, per-object, per-batch
	Colours  int          // colours of the cache under test
	Slabs    int          // slabs that a chase runs through
	Work     string       // what happens beside the readers
	Dist     string       // how keys are drawn: uniform, zipf
	Lookups  int          // of 100 operations
	Impl     string       // "" is ours; peers and baselines by name
	CPUs     int          // emulated CPUs, or goroutines where the API is any
	Layout   kmem.Layout  // slab layout of the heap; not part of the name
	Heap     HeapSettings // size of the heaps; not part of the name
}

// HeapSettings bounds the heaps that scenarios make.
type HeapSettings struct {
	Reserve uintptr // bytes of address space; 0 is a size fit for the build
	Limit   uintptr // bytes of pages; 0 is none

	ProfileRate int // bytes to a sample of the off-heap profile; 0 is none
}

// Key is one key=value part of a benchmark's name.
type Key struct{ Name, Value string }

// Selection is what the caller asks every scenario for.
type Selection struct {
	Flags  []kmem.Flags // create flags, one run each; empty means none
	Sizes  []int        // object sizes in bytes; empty means 64 and 256
	CPUs   []int        // numbers of CPUs; empty means 1
	Layout kmem.Layout
	Heap   HeapSettings
}

// setting is one value of an axis: its text in the name, and what it means.
type setting struct {
	value string
	apply func(*Params)
}

// Axis is one key of a scenario and the values it takes under a selection.
type Axis struct {
	Key    string
	values func(Selection) []setting
}

// fixed makes an axis whose values do not depend on the selection.
func fixed[V any](key string, text func(V) string, apply func(*Params, V), values ...V) Axis {
	settings := make([]setting, len(values))
	for i, v := range values {
		settings[i] = setting{text(v), func(p *Params) { apply(p, v) }}
	}
	return Axis{key, func(Selection) []setting { return settings }}
}

func asIs(s string) string { return s }

func apis(v ...string) Axis {
	return fixed("api", asIs, func(p *Params, s string) { p.API = s }, v...)
}

func impls(v ...string) Axis {
	return fixed("impl", asIs, func(p *Params, s string) { p.Impl = s }, v...)
}

func validates(v ...string) Axis {
	return fixed("validate", asIs, func(p *Params, s string) { p.Validate = s }, v...)
}

func reuses(v ...string) Axis {
	return fixed("reuse", asIs, func(p *Params, s string) { p.Reuse = s }, v...)
}

func readers(v ...int) Axis {
	return fixed("readers", strconv.Itoa, func(p *Params, n int) { p.Readers = n }, v...)
}

func updaters(v ...int) Axis {
	return fixed("updaters", strconv.Itoa, func(p *Params, n int) { p.Updaters = n }, v...)
}

// ns is how many there are of what the scenario says.
func ns(v ...int) Axis {
	return fixed("n", strconv.Itoa, func(p *Params, n int) { p.N = n }, v...)
}

func live(v ...int) Axis {
	return fixed("live", strconv.Itoa, func(p *Params, n int) { p.Live = n }, v...)
}

func flavors(v ...urcu.Flavor) Axis {
	return fixed("flavor", urcu.Flavor.String, func(p *Params, f urcu.Flavor) { p.Flavor = f }, v...)
}

// noFlags is the flags axis of a baseline: it has no cache, so no flags, and
// its name lines up with that of our run without flags.
func noFlags() Axis {
	return fixed("flags", kmem.Flags.String, func(*Params, kmem.Flags) {}, kmem.Flags(0))
}

// createFlags is the axis of the flags that the caller selected.
func createFlags() Axis {
	return Axis{"flags", func(s Selection) []setting {
		return settingsOf(s.flags(), kmem.Flags.String, func(p *Params, f kmem.Flags) { p.Flags = f })
	}}
}

// sizes is the axis of the object sizes that the caller selected.
func sizes() Axis {
	return Axis{"size", func(s Selection) []setting {
		return settingsOf(s.sizes(), strconv.Itoa, func(p *Params, n int) { p.Size = n })
	}}
}

func settingsOf[V any](values []V, text func(V) string, apply func(*Params, V)) []setting {
	out := make([]setting, len(values))
	for i, v := range values {
		out[i] = setting{text(v), func(p *Params) { apply(p, v) }}
	}
	return out
}

// DefaultSizes are the object sizes of a selection that names none.
var DefaultSizes = []int{64, 256}

// fixedSize is the axis of a scenario that has but one size.
func fixedSize(size int) Axis {
	return fixed("size", strconv.Itoa, func(p *Params, n int) { p.Size = n }, size)
}

func (s Selection) flags() []kmem.Flags {
	if len(s.Flags) == 0 {
		return []kmem.Flags{0}
	}
	return s.Flags
}

func (s Selection) sizes() []int {
	if len(s.Sizes) == 0 {
		return DefaultSizes
	}
	return s.Sizes
}

func (s Selection) cpus() []int {
	if len(s.CPUs) == 0 {
		return []int{1}
	}
	return s.CPUs
}

// point is one combination of the values of some axes.
type point struct {
	params Params
	keys   []Key
}

// cross returns every combination of the axes' values, the last axis turning
// fastest.
func cross(s Selection, axes []Axis) []point {
	points := []point{{params: Params{Layout: s.Layout, Heap: s.Heap}}}
	for _, a := range axes {
		var next []point
		for _, p := range points {
			for _, v := range a.values(s) {
				q := point{p.params, append(slices.Clip(p.keys), Key{a.Key, v.value})}
				v.apply(&q.params)
				next = append(next, q)
			}
		}
		points = next
	}
	return points
}

// sortKeys puts keys in the order of the contract.
func sortKeys(keys []Key) {
	slices.SortStableFunc(keys, func(a, b Key) int {
		return slices.Index(keyOrder, a.Name) - slices.Index(keyOrder, b.Name)
	})
}

// joinName writes a benchmark's name without the prefix "Benchmark" and
// without the number of CPUs.
func joinName(scenario string, keys []Key) string {
	var b strings.Builder
	b.WriteString(scenario)
	for _, k := range keys {
		b.WriteString("/" + k.Name + "=" + k.Value)
	}
	return b.String()
}
