// The torture. Its oracle in one line: a key that is there all the time is always
// found, and nobody ever sees a value that its key did not have at that moment.

package rcumap

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
)

// wide is a value that shows whose it is, and when it is torn. It is large, so
// that writing takes a while.
type wide struct {
	Key, Version uint64
	Sums         [46]uint64
}

func wideOf(key, version uint64) (v wide) {
	v.Key, v.Version = key, version
	sum := (key*0x9e3779b97f4a7c15 ^ version) * 0xbf58476d1ce4e5b9
	for i := range v.Sums {
		sum += key<<32 + version | 1
		v.Sums[i] = sum
	}
	return v
}

func wideVersion(key uint64, v wide) (uint64, bool) {
	return v.Version, v == wideOf(key, v.Version)
}

// narrow is the same in one word.
func narrowOf(key, version uint64) uint64 { return key<<40 | version }

func narrowVersion(key, v uint64) (uint64, bool) { return v & (1<<40 - 1), v>>40 == key }

// The state of a key, which its only writer publishes around each operation: a
// version, and what the map holds.
const (
	absent   = iota // nothing
	storing         // nothing, or this version
	present         // this version
	changing        // this version, or the next one, or nothing when it is a key that goes
)

func stateOf(version, what uint64) uint64 { return version<<2 | what }

// A victim is a key with its state.
type victim struct {
	state atomic.Uint64 // version<<2 | what
	_     [smp.LinePad - 8]byte
}

// values makes values of a kind and tells what they are.
type values[V any] struct {
	make    func(key, version uint64) V
	version func(key uint64, v V) (version uint64, whole bool)
}

// torture is one map under torture.
type torture[V any] struct {
	values[V]
	t       testing.TB
	m       *Map[uint64, V]
	foreign *kmem.Typed[foreign]
	keys    []victim
	stop    atomic.Bool

	lookups, hits, faults atomic.Uint64
}

func (x *torture[V]) fault(format string, args ...any) {
	if x.faults.Add(1) <= 3 {
		x.t.Errorf(format, args...)
	}
}

// stays says which keys are never deleted: every other pair, so that each of two
// writers has both kinds.
func stays(key uint64) bool { return key&2 == 0 }

// read looks keys up and judges what it gets by the key's state before and after.
func (x *torture[V]) read(load func(uint64) (V, bool), seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	var lookups, hits uint64
	for !x.stop.Load() {
		key := r.Uint64N(uint64(len(x.keys)))
		before := x.keys[key].state.Load()
		v, ok := load(key)
		after := x.keys[key].state.Load()
		lookups++
		if ok {
			hits++
			x.judgeHit(key, before, after, v)
		} else {
			x.judgeMiss(key, before, after)
		}
	}
	x.lookups.Add(lookups)
	x.hits.Add(hits)
}

func (x *torture[V]) judgeHit(key, before, after uint64, v V) {
	version, whole := x.version(key, v)
	if !whole {
		x.fault("key %d: the value is torn, or somebody else's: %.100s", key, fmt.Sprint(v))
		return
	}
	last := after >> 2
	if after&3 == changing && stays(key) {
		last++
	}
	if before == after && after&3 == absent {
		x.fault("key %d: found with version %d after it was deleted, and before it was stored again", key, version)
	} else if version < before>>2 || version > last {
		x.fault("key %d: version %d, when it had %d to %d", key, version, before>>2, last)
	}
}

func (x *torture[V]) judgeMiss(key, before, after uint64) {
	if stays(key) {
		x.fault("key %d is there all the time, and was not found", key)
	} else if before == after && after&3 == present {
		x.fault("key %d: not found while it was there", key)
	}
}

// write changes the keys that stay and deletes and stores again the others. Each
// key has one writer: part i of n.
func (x *torture[V]) write(i, n int) {
	r := rand.New(rand.NewPCG(uint64(i), 2))
	for !x.stop.Load() {
		key := r.Uint64N(uint64(len(x.keys)/n))*uint64(n) + uint64(i)
		s := &x.keys[key].state
		version := s.Load() >> 2
		switch {
		case !stays(key) && s.Load()&3 == absent:
			x.begin(key, version+1)
		case !stays(key):
			s.Store(stateOf(version, changing))
			if !x.m.Delete(key) {
				x.fault("key %d: Delete did not find it", key)
			}
			s.Store(stateOf(version, absent))
		case r.IntN(4) == 0: // those that come and go matter more
			s.Store(stateOf(version, changing))
			x.m.Store(key, x.make(key, version+1))
			s.Store(stateOf(version+1, present))
		}
	}
}

// begin stores a key that the map does not have.
func (x *torture[V]) begin(key, version uint64) {
	s := &x.keys[key].state
	s.Store(stateOf(version, storing))
	if err := x.m.Store(key, x.make(key, version)); err != nil {
		x.fault("%v", err)
	}
	s.Store(stateOf(version, present))
}

// shake stops the world: everybody is preempted wherever he is, and goes on in
// another order. What takes a preempted reader comes a hundred times as often.
func (x *torture[V]) shake() {
	var s runtime.MemStats
	for !x.stop.Load() {
		runtime.ReadMemStats(&s)
		time.Sleep(20 * time.Microsecond)
	}
}

// fill makes the table grow and gives all that it took back, again and again. The
// pages of the nodes become somebody else's.
func (x *torture[V]) fill(most int) {
	for !x.stop.Load() {
		n := 0
		for ; n < most && !x.stop.Load(); n++ {
			x.filler(uint64(n))
		}
		for k := range uint64(n) {
			x.m.Delete(k | 1<<63)
		}
		x.m.any.any.Cache().Shrink()
		x.wear()
	}
}

// filler stores a key that nobody looks up.
func (x *torture[V]) filler(k uint64) {
	if err := x.m.Store(k|1<<63, x.make(0, 0)); err != nil {
		x.fault("%v", err)
	}
}

// foreign is what takes over pages. No link looks like its words: who follows one
// faults.
type foreign [512]uint64

// wear allocates and writes foreign objects, as many as may stand where nodes
// stood.
func (x *torture[V]) wear() {
	var out []*foreign
	for range 32 {
		f := x.foreign.Alloc()
		if f == nil {
			x.fault("no memory for foreign objects")
			break
		}
		for i := range f {
			f[i] = 0x5a5a5a5a5a5a5a5a
		}
		out = append(out, f)
	}
	for _, f := range out {
		x.foreign.Free(f)
	}
	x.foreign.Cache().Shrink()
}

// run tortures one map for a while and checks it.
func (x *torture[V]) run(grow bool, filler int) {
	if !grow {
		x.m.growing.Lock() // nobody waits for it
		defer x.m.growing.Unlock()
	}
	x.beginAll()
	var wg sync.WaitGroup
	wg.Go(x.shake)
	for i := range 2 {
		wg.Go(func() { x.write(i, 2) })
	}
	wg.Go(func() { x.read(x.m.Load, 0) })
	wg.Go(func() { // a CPU of its own, with a registered reader
		smp.Run(1, func(cpu *smp.CPU) {
			reader := x.m.domain.Register("torture")
			defer reader.Unregister()
			x.read(x.m.On(cpu, reader).Load, 99)
		})
	})
	if filler > 0 {
		wg.Go(func() { x.fill(filler) })
	}
	time.Sleep(250 * time.Millisecond)
	x.end(&wg)
}

// runSplits tortures one map while it grows once, from a few long chains.
func (x *torture[V]) runSplits(filler int) {
	x.m.growing.Lock()
	x.beginAll()
	for k := range filler / 16 {
		x.filler(uint64(k))
	}
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { x.read(x.m.Load, uint64(i)) })
	}
	x.m.growing.Unlock()
	for k := filler / 16; k < filler; k++ {
		x.filler(uint64(k))
	}
	x.end(&wg)
}

func (x *torture[V]) beginAll() {
	for key := range uint64(len(x.keys)) {
		x.begin(key, 1)
	}
}

// end stops everybody and looks at what is left.
func (x *torture[V]) end(wg *sync.WaitGroup) {
	x.stop.Store(true)
	wg.Wait()
	for key := range x.keys {
		_, ok := x.m.Load(uint64(key))
		if want := x.keys[key].state.Load()&3 == present; ok != want {
			x.fault("key %d: at the end %v, want %v", key, ok, want)
		}
	}
	check(x.t, x.m)
}

// tortureFor is how long a torture lasts.
func tortureFor() time.Duration {
	if testing.Short() {
		return 400 * time.Millisecond
	}
	return 1500 * time.Millisecond
}

// tally is the evidence of many rounds.
type tally struct {
	rounds, spoiled, locked, buckets int
	lookups, hits, faults            uint64
}

// rounds tortures one map after the other, in one heap.
func rounds[V any](t *testing.T, o Options, v values[V], keys int, run func(*torture[V])) {
	h := newTestHeap(t, kmem.HeapOptions{})
	pages, err := kmem.Of(h, "foreign", kmem.TypedOptions[foreign]{})
	must(t, err)
	var sum tally
	for end := time.Now().Add(tortureFor()); sum.faults == 0 && time.Now().Before(end); sum.rounds++ {
		x := torture[V]{values: v, t: t, foreign: pages, keys: make([]victim, keys)}
		x.m, err = New[uint64, V](h, o)
		must(t, err)
		run(&x)
		s := x.m.Stats()
		sum.faults += x.faults.Load()
		sum.lookups += x.lookups.Load()
		sum.hits += x.hits.Load()
		sum.spoiled += s.Spoiled
		sum.locked += s.Locked
		sum.buckets = max(sum.buckets, s.Buckets)
		if !t.Failed() {
			must(t, x.m.Close())
		}
	}
	if !t.Failed() {
		must(t, pages.Cache().Destroy())
	}
	t.Logf("%d rounds, %d lookups, %d hits, %d spoiled, %d took the lock, up to %d buckets, %d faults",
		sum.rounds, sum.lookups, sum.hits, sum.spoiled, sum.locked, sum.buckets, sum.faults)
}

// bothValues runs a torture with values of several words and of one.
func bothValues(t *testing.T, o Options, keys int, wider func(*torture[wide]), word func(*torture[uint64])) {
	t.Run("value=wide", func(t *testing.T) {
		rounds(t, o, values[wide]{wideOf, wideVersion}, keys, wider)
	})
	t.Run("value=word", func(t *testing.T) {
		rounds(t, o, values[uint64]{narrowOf, narrowVersion}, keys, word)
	})
}

// TestTorture: keys come and go while the table grows and nodes' pages go.
func TestTorture(t *testing.T) {
	const filler = 2000
	bothValues(t, Options{}, 256,
		func(x *torture[wide]) { x.run(true, filler) },
		func(x *torture[uint64]) { x.run(true, filler) })
}

// TestTortureChains: two long chains, between which nodes move all the time.
func TestTortureChains(t *testing.T) {
	bothValues(t, Options{Stripes: 2}, 512,
		func(x *torture[wide]) { x.run(false, 0) },
		func(x *torture[uint64]) { x.run(false, 0) })
}

// TestTorturePages: two long chains of nodes whose pages go. Readers stand on them
// nearly always.
func TestTorturePages(t *testing.T) {
	const filler = 400
	bothValues(t, Options{Stripes: 2}, 64,
		func(x *torture[wide]) { x.run(false, filler) },
		func(x *torture[uint64]) { x.run(false, filler) })
}

// TestTortureValues: everybody is at the same few keys.
func TestTortureValues(t *testing.T) {
	bothValues(t, Options{Stripes: 2}, 8,
		func(x *torture[wide]) { x.run(false, 0) },
		func(x *torture[uint64]) { x.run(false, 0) })
}

// TestTortureSplits: a few keys are looked up while their buckets split.
func TestTortureSplits(t *testing.T) {
	const filler = 2000
	bothValues(t, Options{Stripes: 8}, 16,
		func(x *torture[wide]) { x.runSplits(filler) },
		func(x *torture[uint64]) { x.runSplits(filler) })
}
