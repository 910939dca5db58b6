// Table: a concurrent map under lookups and churn, ours and what Go programs use.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"
)

var tableMap = &Scenario{
	Name: "Table",
	Desc: "Look keys up in a large concurrent map while others are deleted and stored again: rcumap, a map behind a mutex, 64 behind RWMutexes, sync.Map.",
	Unit: "operation",
	Variants: slices.Concat(
		tableVariants([]int{10_000, 1_000_000}, uniformAxes, false),
		tableVariants([]int{10_000, 1_000_000}, zipfAxes, false),
		tableVariants([]int{10_000_000}, longAxes, true),
	),
}

// The mixes: all shares of lookups over uniform keys, one of them over Zipf's.
var (
	uniformAxes = []Axis{dists("uniform"), lookupShares(90, 99, 100)}
	zipfAxes    = []Axis{dists("zipf"), lookupShares(99)}
	longAxes    = []Axis{dists("uniform"), lookupShares(99)}
)

// tableVariants are all who take part, at some sizes of the table.
func tableVariants(n []int, mix []Axis, long bool) []Variant {
	variant := func(run func(*Run) error, store time.Duration, who ...Axis) Variant {
		axes := append(who, ns(n...))
		fills := func(p Params) time.Duration { return time.Duration(p.N) * store }
		return Variant{Axes: append(axes, mix...), Run: run, Long: long, Skip: largeTable, Setup: fills}
	}
	return []Variant{ // with what it takes to store an entry in a large table
		variant(tableRegistered, 800*time.Nanosecond, apis("registered")),
		variant(tableAny, 800*time.Nanosecond, apis("any")),
		variant(tableOf(newMutexMap), 250*time.Nanosecond, apis("any"), impls("mutexmap")),
		variant(tableOf(newShardedMap), 350*time.Nanosecond, apis("any"), impls("shardedmap")),
		variant(tableOf(newSyncMap), 1700*time.Nanosecond, apis("any"), impls("syncmap")),
	}
}

func dists(v ...string) Axis {
	return fixed("dist", asIs, func(p *Params, s string) { p.Dist = s }, v...)
}

// lookupShares is the axis of how many of 100 operations are lookups.
func lookupShares(v ...int) Axis {
	return fixed("lookups", strconv.Itoa, func(p *Params, n int) { p.Lookups = n }, v...)
}

func largeTable(p Params) string {
	if p.N > 10_000 {
		return notInRace(p)
	}
	return ""
}

// tableValue is what a table maps a key to. Its first word is the key, so that a
// lookup that found another's shows.
type tableValue [4]uint64

// A dict is one worker's way to a table. Its calls are indirect, which costs all
// the same.
type dict interface {
	load(key uint64) (tableValue, bool)
	store(key uint64, v tableValue) error
	remove(key uint64)
}

// tableKeys is the stream of keys of one worker.
type tableKeys struct {
	rng  random
	n    int
	zipf []uint32 // a repeating sample; nil is uniform
	next int
}

const (
	zipfSample = 1 << 20
	zipfS      = 1.01 // YCSB's 0.99 is what rand.Zipf does not do
	scatter    = 7368787
)

// newTableKeys makes the stream. Zipf's favourites are scattered over the table:
// keys were stored in order, and neighbours must not be hot together.
func newTableKeys(w *Worker, p Params) *tableKeys {
	k := &tableKeys{rng: newRandom(w.ID), n: p.N}
	if p.Dist == "zipf" {
		z := rand.NewZipf(rand.New(rand.NewPCG(uint64(w.ID), 1)), zipfS, 1, uint64(p.N-1))
		k.zipf = make([]uint32, zipfSample)
		for i := range k.zipf {
			k.zipf[i] = uint32(z.Uint64() * scatter % uint64(p.N))
		}
	}
	return k
}

func (k *tableKeys) draw() uint64 {
	if k.zipf == nil {
		return uint64(k.rng.below(k.n))
	}
	k.next++
	return uint64(k.zipf[k.next%zipfSample])
}

// tableClock is how often an operation is timed by itself.
const tableClock = 128

// useTable measures one worker. An update deletes a key, the next stores it
// again, so that of all keys at most one for each worker is away.
func useTable[D dict](w *Worker, p Params, d D) {
	keys := newTableKeys(w, p)
	away, misses := uint64(0), 0
	gone := false
	operation := func() {
		if p.Lookups < 100 && keys.rng.below(100) >= p.Lookups {
			if gone = !gone; gone {
				away = keys.draw()
				d.remove(away)
			} else if err := d.store(away, tableValue{away}); err != nil {
				panic(err)
			}
			return
		}
		key := keys.draw()
		v, ok := d.load(key)
		if !ok {
			misses++
		} else if v[0] != key {
			panic(fmt.Errorf("looked up key %d and found %d", key, v[0]))
		}
	}
	w.SetChunk(tableClock)
	w.Begin()
	for w.Next() {
		begin := time.Now()
		operation()
		w.Record(time.Since(begin))
		for range w.Chunk - 1 {
			operation()
		}
	}
	w.End()
	if gone {
		if err := d.store(away, tableValue{away}); err != nil {
			panic(err)
		}
	}
	w.PerOp("misses/op", float64(misses))
}

// fillTable stores all keys.
func fillTable[D dict](d D, n int) error {
	for key := range uint64(n) {
		if err := d.store(key, tableValue{key}); err != nil {
			return fmt.Errorf("entry %d of %d: %w", key, n, err)
		}
	}
	return nil
}

// tableCost is what a table costs beside time: memory for an entry, off the Go
// heap and on it, and the collector's work.
type tableCost struct {
	r      *Run
	before runtime.MemStats
	gc     gcCost
}

// newTableCost looks at the Go heap before the table is made.
func newTableCost(r *Run) *tableCost {
	c := &tableCost{r: r}
	debug.FreeOSMemory() // of the case before: it would count as ours
	runtime.ReadMemStats(&c.before)
	return c
}

// filled reports the memory of a table that has all its entries, offHeap bytes of
// it off the Go heap.
func (c *tableCost) filled(offHeap int64) {
	var after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&after)
	onHeap := int64(after.HeapAlloc) - int64(c.before.HeapAlloc)
	c.r.Report("B/object", float64(onHeap+offHeap)/float64(c.r.N))
	c.r.Report("RSS-B", float64(resident()))
	c.gc.read()
}

// measured reports what share of the CPU time the collector took, and what a
// collection takes while the table is there.
func (c *tableCost) measured() {
	var after gcCost
	after.read()
	if after.cycles > c.gc.cycles { // else nothing is known: the runtime adds up at the end of each
		c.r.Report("gc-cpu-fraction", (after.gc-c.gc.gc)/max(after.total-c.gc.total, 1e-9))
	}
	begin := time.Now()
	for range forced {
		runtime.GC()
	}
	c.r.Report("gc-ns", float64(time.Since(begin).Nanoseconds())/forced)
}

// tableOf measures a table on the Go heap.
func tableOf[D dict](fresh func() D) func(*Run) error {
	return func(r *Run) error {
		r.Latencies("ns")
		cost := newTableCost(r)
		d := fresh()
		if err := fillTable(d, r.N); err != nil {
			return err
		}
		cost.filled(0)
		err := r.Measure(func(round *Round) {
			round.Goroutines(r.CPUs, func(w *Worker) { useTable(w, r.Params, d) })
		})
		cost.measured()
		runtime.KeepAlive(d)
		return err
	}
}
