// The map against Go's own, and histories of concurrent use against the
// definition of linearizable.

package rcumap

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
	"pgregory.net/rapid"
)

// TestModel runs random operations on a map and on Go's.
func TestModel(t *testing.T) {
	h, runs := newTestHeap(t, kmem.HeapOptions{}), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++ // a run that fails does not close its map
		m, err := New[uint16, [3]uint32](h, Options{
			Name:     fmt.Sprintf("run%d", runs),
			Stripes:  1 << rapid.IntRange(0, 4).Draw(rt, "stripes"),
			Capacity: rapid.IntRange(0, 100).Draw(rt, "capacity"),
		})
		must(t, err)
		model := map[uint16][3]uint32{}
		keys := rapid.Uint16Range(0, rapid.SampledFrom([]uint16{10, 1000}).Draw(rt, "keys"))
		next := uint32(0)
		value := func() [3]uint32 { next++; return [3]uint32{next, next, next} }
		rt.Repeat(map[string]func(*rapid.T){
			"Load":  func(rt *rapid.T) { k := keys.Draw(rt, "k"); same(rt, m, model, k) },
			"Store": func(rt *rapid.T) { k, v := keys.Draw(rt, "k"), value(); must(t, m.Store(k, v)); model[k] = v },
			"StoreMany": func(rt *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(rt, "n") {
					k, v := keys.Draw(rt, "k"), value()
					must(t, m.Store(k, v))
					model[k] = v
				}
			},
			"LoadOrStore": func(rt *rapid.T) {
				k, v := keys.Draw(rt, "k"), value()
				old, was := model[k]
				if !was {
					model[k], old = v, v
				}
				if got, loaded, err := m.LoadOrStore(k, v); got != old || loaded != was || err != nil {
					rt.Fatalf("LoadOrStore(%d): %v, %v, %v; want %v, %v", k, got, loaded, err, old, was)
				}
			},
			"Update": func(rt *rapid.T) {
				k, v := keys.Draw(rt, "k"), value()
				_, was := model[k]
				if m.Update(k, func(p *[3]uint32) { *p = v }) != was {
					rt.Fatalf("Update(%d): %v", k, !was)
				}
				if was {
					model[k] = v
				}
			},
			"LoadAndDelete": func(rt *rapid.T) {
				k := keys.Draw(rt, "k")
				old, was := model[k]
				delete(model, k)
				if v, ok := m.LoadAndDelete(k); v != old || ok != was {
					rt.Fatalf("LoadAndDelete(%d): %v, %v; want %v, %v", k, v, ok, old, was)
				}
			},
			"Clear": func(rt *rapid.T) { m.Clear(); clear(model) },
			"": func(rt *rapid.T) {
				if got := maps.Collect(m.All()); !maps.Equal(got, model) || m.Len() != len(model) {
					rt.Fatalf("All %v, Len %d; want %v", got, m.Len(), model)
				}
				check(t, m)
			},
		})
		must(t, m.Close())
	})
}

func same(rt *rapid.T, m *Map[uint16, [3]uint32], model map[uint16][3]uint32, k uint16) {
	old, was := model[k]
	if v, ok := m.Load(k); v != old || ok != was {
		rt.Fatalf("Load(%d): %v, %v; want %v, %v", k, v, ok, old, was)
	}
}

// An operation of a history, on one key whose value is a number; 0 is absent.
type operation struct {
	kind       string // Load, Store, LoadOrStore, Delete
	arg, got   uint64
	start, end int64 // by one clock
}

// apply returns the value of the key after the operation, and whether what it
// returned is right.
func (o operation) apply(value uint64) (after uint64, ok bool) {
	switch o.kind {
	case "Store":
		return o.arg, true
	case "LoadOrStore":
		if value == 0 {
			return o.arg, o.got == o.arg
		}
		return value, o.got == value
	case "Delete":
		return 0, o.got == value
	default:
		return value, o.got == value
	}
}

// linearizable reports whether there is an order of the operations that keeps
// those that did not overlap in their order and explains all results. It tries
// them all, and remembers what failed.
func linearizable(history []operation) bool {
	type state struct {
		done  uint64
		value uint64
	}
	failed := map[state]bool{}
	var try func(s state) bool
	try = func(s state) bool {
		if s.done == 1<<len(history)-1 {
			return true
		}
		if failed[s] {
			return false
		}
		first := int64(1<<63 - 1) // the end of whatever must come before others
		for i, o := range history {
			if s.done>>i&1 == 0 {
				first = min(first, o.end)
			}
		}
		for i, o := range history {
			if s.done>>i&1 != 0 || o.start > first {
				continue
			}
			if after, ok := o.apply(s.value); ok && try(state{s.done | 1<<i, after}) {
				return true
			}
		}
		failed[s] = true
		return false
	}
	return try(state{})
}

// TestLinearizableChecker: the checker knows good from bad.
func TestLinearizableChecker(t *testing.T) {
	op := func(kind string, arg, got uint64, start, end int64) operation {
		return operation{kind, arg, got, start, end}
	}
	for name, c := range map[string]struct {
		history []operation
		want    bool
	}{
		"in turn":          {[]operation{op("Store", 1, 0, 0, 1), op("Load", 0, 1, 2, 3)}, true},
		"stale":            {[]operation{op("Store", 1, 0, 0, 1), op("Load", 0, 0, 2, 3)}, false},
		"overlapping":      {[]operation{op("Store", 1, 0, 0, 9), op("Load", 0, 0, 2, 3), op("Load", 0, 1, 4, 5)}, true},
		"new and then old": {[]operation{op("Store", 1, 0, 0, 9), op("Load", 0, 1, 2, 3), op("Load", 0, 0, 4, 5)}, false},
		"two deletes":      {[]operation{op("Store", 1, 0, 0, 1), op("Delete", 0, 1, 2, 9), op("Delete", 0, 1, 2, 9)}, false},
		"loaded or stored": {[]operation{op("LoadOrStore", 1, 2, 0, 9), op("LoadOrStore", 2, 2, 0, 9)}, true},
		"stored both":      {[]operation{op("LoadOrStore", 1, 1, 0, 9), op("LoadOrStore", 2, 2, 0, 9)}, false},
	} {
		if got := linearizable(c.history); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestLinearizable records what a few goroutines do with a few keys, and explains
// each key's history.
func TestLinearizable(t *testing.T) {
	const workers, keys, each = 4, 4, 30
	m := newTestMap[uint64, [2]uint64](t, Options{Stripes: 1})
	rounds, overlaps := 0, 0
	for end := time.Now().Add(tortureFor()); !t.Failed() && time.Now().Before(end); rounds++ {
		histories := record(t, m, workers, keys, each, rounds)
		for k, h := range histories {
			slices.SortFunc(h, func(a, b operation) int { return int(a.start - b.start) })
			for i := range h[:max(len(h)-1, 0)] {
				if h[i].end > h[i+1].start {
					overlaps++
				}
			}
			if len(h) < 64 && !linearizable(h) {
				t.Errorf("no order explains what was seen of key %d: %+v", k, h)
			}
		}
	}
	t.Logf("%d histories, %d overlapping neighbours", rounds*keys, overlaps)
}

// record runs one round on an empty map and returns the history of each key.
func record(t *testing.T, m *Map[uint64, [2]uint64], workers, keys, each, round int) [][]operation {
	var clock atomic.Int64
	m.Clear()
	all := make([][][]operation, workers)
	var ready atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		all[w] = make([][]operation, keys)
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(round), uint64(w)))
			for ready.Add(1); ready.Load() < int64(workers); {
				runtime.Gosched()
			}
			for i := range each {
				k := r.Uint64N(uint64(keys))
				o := operation{arg: uint64(w*each + i + 1)}
				o.start = clock.Add(1)
				perform(t, m, k, &o, r.IntN(8))
				o.end = clock.Add(1)
				all[w][k] = append(all[w][k], o)
			}
		})
	}
	wg.Wait()
	histories := make([][]operation, keys)
	for _, of := range all {
		for k := range keys {
			histories[k] = append(histories[k], of[k]...)
		}
	}
	return histories
}

// perform does an operation and notes what it returned.
func perform(t *testing.T, m *Map[uint64, [2]uint64], k uint64, o *operation, choice int) {
	var got [2]uint64
	var err error
	switch choice {
	case 0, 1:
		o.kind = "Store"
		err = m.Store(k, [2]uint64{o.arg, ^o.arg})
	case 2:
		o.kind = "LoadOrStore"
		got, _, err = m.LoadOrStore(k, [2]uint64{o.arg, ^o.arg})
	case 3:
		o.kind = "Delete"
		got, _ = m.LoadAndDelete(k)
	default:
		o.kind = "Load"
		got, _ = m.Load(k)
	}
	if err != nil || got != [2]uint64{} && got[1] != ^got[0] {
		t.Errorf("%s: %v, %v", o.kind, got, err)
	}
	o.got = got[0]
}
