// Table: concurrent maps and caches of other modules, in the shape that README.md
// gives.

package peers

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/fastcache"
	"github.com/maypok86/otter/v2"
	"github.com/puzpuzpuz/xsync/v4"
)

// TableImpls are the names of those who take part in Table.
var TableImpls = []string{"xsync", "otter", "fastcache"}

// Dists are the ways to draw keys.
var Dists = []string{"uniform", "zipf"}

// tableValue is what a key is mapped to. Its first word is the key.
type tableValue [4]uint64

// dict is one of the maps. Its calls are indirect, as in our own command.
type dict interface {
	load(key uint64) (tableValue, bool)
	store(key uint64, v tableValue)
	remove(key uint64)
	offHeap() uint64 // bytes that it has off the Go heap
}

type xsyncMap struct {
	m *xsync.Map[uint64, tableValue]
}

func (t xsyncMap) load(key uint64) (tableValue, bool) { return t.m.Load(key) }
func (t xsyncMap) store(key uint64, v tableValue)     { t.m.Store(key, v) }
func (t xsyncMap) remove(key uint64)                  { t.m.Delete(key) }
func (t xsyncMap) offHeap() uint64                    { return 0 }

// otterCache is a cache that never has to evict. It keeps the books for it.
type otterCache struct {
	c *otter.Cache[uint64, tableValue]
}

func (t otterCache) load(key uint64) (tableValue, bool) { return t.c.GetIfPresent(key) }
func (t otterCache) store(key uint64, v tableValue)     { t.c.Set(key, v) }
func (t otterCache) remove(key uint64)                  { t.c.Invalidate(key) }
func (t otterCache) offHeap() uint64                    { return 0 }

// fastCache maps bytes to bytes, off the Go heap. What is stored overwrites what
// is oldest, so now and then an entry is missing.
type fastCache struct {
	c *fastcache.Cache
}

func (t fastCache) load(key uint64) (v tableValue, ok bool) {
	var k [8]byte
	var b [32]byte
	binary.LittleEndian.PutUint64(k[:], key)
	got, ok := t.c.HasGet(b[:0], k[:])
	if ok {
		for i := range v {
			v[i] = binary.LittleEndian.Uint64(got[8*i:])
		}
	}
	return v, ok
}

func (t fastCache) store(key uint64, v tableValue) {
	var k [8]byte
	var b [32]byte
	binary.LittleEndian.PutUint64(k[:], key)
	for i := range v {
		binary.LittleEndian.PutUint64(b[8*i:], v[i])
	}
	t.c.Set(k[:], b[:])
}

func (t fastCache) remove(key uint64) {
	var k [8]byte
	binary.LittleEndian.PutUint64(k[:], key)
	t.c.Del(k[:])
}

func (t fastCache) offHeap() uint64 {
	var s fastcache.Stats
	t.c.UpdateStats(&s)
	return s.BytesSize
}

// measureTable is [Measure] of Table.
func measureTable(o Options) (string, error) {
	switch {
	case o.N < 1 || o.N > 100_000_000:
		return "", fmt.Errorf("n %d: legal are 1 to 100000000 entries", o.N)
	case o.Lookups < 0 || o.Lookups > 100:
		return "", fmt.Errorf("lookups %d: legal are 0 to 100 of 100 operations", o.Lookups)
	case !slices.Contains(Dists, o.Dist):
		return "", fmt.Errorf("dist %q: legal are %s", o.Dist, strings.Join(Dists, ", "))
	}
	switch o.Impl {
	case "xsync":
		return table(o, func() xsyncMap { return xsyncMap{xsync.NewMap[uint64, tableValue]()} }), nil
	case "otter":
		return table(o, func() otterCache {
			return otterCache{otter.Must(&otter.Options[uint64, tableValue]{MaximumSize: 2 * o.N})}
		}), nil
	case "fastcache":
		return table(o, func() fastCache { return fastCache{fastcache.New(max(64<<20, 128*o.N))} }), nil
	}
	return "", fmt.Errorf("impl %q: legal in Table are %s", o.Impl, strings.Join(TableImpls, ", "))
}

// table fills a map, measures, and says how that went in one line.
func table[D dict](o Options, fresh func() D) string {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d := fresh()
	for key := range uint64(o.N) {
		d.store(key, tableValue{key})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	bytes := float64(int64(after.HeapAlloc-before.HeapAlloc)+int64(d.offHeap())) / float64(o.N)

	users := make([]tableUser, o.CPUs)
	ns, ops := run(o.CPUs, o.Time, func(w *worker) { use(w, o, d, &users[w.id]) })

	begin := time.Now()
	const forced = 3
	for range forced {
		runtime.GC()
	}
	gc := float64(time.Since(begin).Nanoseconds()) / forced
	runtime.KeepAlive(d)

	var timed []time.Duration
	misses := 0
	for i := range users {
		timed = append(timed, users[i].timed...)
		misses += users[i].misses
	}
	slices.Sort(timed)
	at := func(q float64) int64 { return timed[int(q*float64(len(timed)-1))].Nanoseconds() }
	return fmt.Sprintf("BenchmarkTable/api=any/n=%d/dist=%s/lookups=%d/impl=%s-%d\t%d\t%.4g ns/op\t%d p50-ns\t%d p99-ns\t%d p99.9-ns\t%.4g misses/op\t%.4g B/object\t%.4g gc-ns",
		o.N, o.Dist, o.Lookups, o.Impl, o.CPUs, ops, ns, at(0.50), at(0.99), at(0.999), float64(misses)/float64(ops), bytes, gc)
}

// tableUser is what one worker notes.
type tableUser struct {
	keys   []uint32 // a repeating sample; nil draws uniformly
	next   int
	timed  []time.Duration // one operation in a chunk
	misses int
	gone   bool
	away   uint64 // the key that was deleted, if gone
}

func use[D dict](w *worker, o Options, d D, u *tableUser) {
	const chunk, mostTimed = 128, 1 << 22
	u.sample(w, o)
	w.begin()
	for ok := true; ok; ok = w.more(chunk) {
		begin := time.Now()
		operate(w, o, d, u)
		if took := time.Since(begin); len(u.timed) < mostTimed {
			u.timed = append(u.timed, took)
		}
		for range chunk - 1 {
			operate(w, o, d, u)
		}
	}
}

// operate looks a key up, or deletes one, or stores that again.
func operate[D dict](w *worker, o Options, d D, u *tableUser) {
	if o.Lookups < 100 && w.below(100) >= uint32(o.Lookups) {
		if u.gone = !u.gone; u.gone {
			u.away = u.draw(w, o)
			d.remove(u.away)
		} else {
			d.store(u.away, tableValue{u.away})
		}
		return
	}
	key := u.draw(w, o)
	v, ok := d.load(key)
	if !ok {
		u.misses++
	} else if v[0] != key {
		panic(fmt.Sprintf("looked up key %d and found %d", key, v[0]))
	}
}

func (u *tableUser) draw(w *worker, o Options) uint64 {
	if u.keys == nil {
		return uint64(w.below(uint32(o.N)))
	}
	u.next++
	return uint64(u.keys[u.next%len(u.keys)])
}

// sample draws Zipf's keys beforehand. Favourites are scattered over the table.
func (u *tableUser) sample(w *worker, o Options) {
	if o.Dist != "zipf" {
		return
	}
	const n, s, scatter = 1 << 20, 1.01, 7368787
	z := rand.NewZipf(rand.New(rand.NewPCG(uint64(w.id), 1)), s, 1, uint64(o.N-1))
	u.keys = make([]uint32, n)
	for i := range u.keys {
		u.keys[i] = uint32(z.Uint64() * scatter % uint64(o.N))
	}
}
