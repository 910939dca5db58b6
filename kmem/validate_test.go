// The protocol of blocks.go at work: readers take hold of objects that are freed
// and reused under them. Oracle: a reader that held an object and found the key
// that it looked for saw the values of that key, whole.

package kmem

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/urcu"
)

// place is an object that stands for a key, and some time later for another. Its
// values are of its key: value%places is key, square is value*value.
type place struct {
	lock Lock
	refs RefCount
	seq  SeqCount
	key  atomic.Uint64 // the identity

	value, square uint64 // guarded by lock, or by refs
	v, sq         atomic.Uint64
}

const (
	places  = 16
	noPlace = 1 << 63
)

// placeTable is where readers find places: a reference a key.
type placeTable struct {
	h     *Heap
	d     *urcu.Domain
	cache *Typed[place]
	at    [places]AtomicRef[place]

	found, missed atomic.Int64 // evidence
}

// validation is one way to take hold of a place.
type validation struct {
	name string
	// fill makes p, just allocated, the place of key.
	fill func(p *place, key, value uint64)
	// update says that fill may change a place that readers can find.
	update bool
	// retire lets go of p, which readers cannot find any more.
	retire func(t *placeTable, p *place)
	// read returns the values of key, or false when p is not its place.
	read func(t *placeTable, p *place, key uint64) (value, square uint64, ok bool)
}

var validations = []validation{
	{
		name:   "lock",
		update: true,
		fill: func(p *place, key, value uint64) {
			p.lock.Lock()
			p.key.Store(key)
			p.value = value
			preempt(value / places)
			p.square = value * value
			p.lock.Unlock()
		},
		retire: func(t *placeTable, p *place) {
			p.lock.Lock()
			p.key.Store(noPlace)
			p.lock.Unlock()
			t.cache.Free(p)
		},
		read: func(_ *placeTable, p *place, key uint64) (uint64, uint64, bool) {
			p.lock.Lock()
			defer p.lock.Unlock()
			return p.value, p.square, p.key.Load() == key
		},
	},
	{
		name: "ref",
		fill: func(p *place, key, value uint64) {
			p.key.Store(key)
			p.value = value
			preempt(value / places)
			p.square = value * value
			p.refs.Init()
		},
		retire: func(t *placeTable, p *place) { t.put(p) },
		read: func(t *placeTable, p *place, key uint64) (value, square uint64, ok bool) {
			if !p.refs.TryGet() {
				return 0, 0, false
			}
			defer t.put(p)
			if p.key.Load() != key {
				return 0, 0, false
			}
			return p.value, p.square, true
		},
	},
	{
		name:   "seq",
		update: true,
		fill: func(p *place, key, value uint64) {
			p.seq.WriteBegin()
			p.key.Store(key)
			p.v.Store(value)
			preempt(value / places)
			p.sq.Store(value * value)
			p.seq.WriteEnd()
		},
		retire: func(t *placeTable, p *place) {
			p.seq.WriteBegin()
			p.key.Store(noPlace)
			p.seq.WriteEnd()
			t.cache.Free(p)
		},
		read: func(_ *placeTable, p *place, key uint64) (uint64, uint64, bool) {
			seq, ok := p.seq.TryRead()
			if !ok || p.key.Load() != key {
				return 0, 0, false
			}
			value := p.v.Load()
			preempt(value / places)
			square := p.sq.Load()
			return value, square, !p.seq.ReadRetry(seq)
		},
	},
}

// preempt is what the scheduler can do anywhere, now and then.
func preempt(n uint64) {
	if n%7 == 0 {
		runtime.Gosched()
	}
}

func (t *placeTable) put(p *place) {
	if p.refs.Put() {
		t.cache.Free(p)
	}
}

// churn moves the objects of two keys at a time: each is freed, and the other
// key is likely to get its memory at once.
func (t *placeTable) churn(v validation, turns int) {
	for turn := range uint64(turns) {
		keys := [2]uint64{rand.Uint64N(places), rand.Uint64N(places)}
		for _, k := range keys {
			if r := t.at[k].Swap(Ref[place]{}); !r.IsNil() {
				v.retire(t, r.Ptr(t.h))
			}
		}
		if keys[0] == keys[1] {
			continue
		}
		for _, k := range keys {
			p := t.cache.Alloc()
			v.fill(p, k, turn*places+k)
			t.at[k].Store(RefOf(t.h, p))
			if v.update {
				v.fill(p, k, (turn+1)*places+k)
			}
		}
		if turn%1024 == 0 {
			t.cache.Cache().Shrink()
		}
	}
}

// look reads keys until stop.
func (t *placeTable) look(tb testing.TB, v validation, stop *atomic.Bool) {
	for i := uint64(0); !stop.Load(); i++ {
		key := i % places
		section := t.d.Enter()
		var value, square uint64
		ok := false
		if r := t.at[key].Load(); !r.IsNil() {
			preempt(i) // a stale reference from here on
			value, square, ok = v.read(t, r.Ptr(t.h), key)
		}
		section.Exit()
		switch {
		case !ok:
			t.missed.Add(1)
		case value%places != key || square != value*value:
			tb.Errorf("key %d: read value %d of key %d, square %d", key, value, value%places, square)
			return
		default:
			t.found.Add(1)
		}
	}
}

func TestValidation(t *testing.T) {
	for _, v := range validations {
		t.Run(v.name, func(t *testing.T) {
			h := newTestHeap(t, HeapOptions{})
			cache, err := Of(h, "place", TypedOptions[place]{
				Flags: DestroyByRCU,
				Ctor:  func(p *place) { *p = place{}; p.key.Store(noPlace) },
			})
			if err != nil {
				t.Fatal(err)
			}
			table := &placeTable{h: h, d: h.Domain(), cache: cache}
			var stop atomic.Bool
			var readers sync.WaitGroup
			for range 3 {
				readers.Go(func() { table.look(t, v, &stop) })
			}
			for begin := time.Now(); time.Since(begin) < 100*time.Millisecond && !t.Failed(); {
				table.churn(v, 2000)
			}
			stop.Store(true)
			readers.Wait()
			for k := range table.at {
				if r := table.at[k].Swap(Ref[place]{}); !r.IsNil() {
					v.retire(table, r.Ptr(h))
				}
			}
			t.Logf("%d reads found their key, %d met another, a free object or a writer", table.found.Load(), table.missed.Load())
			if table.found.Load() == 0 || table.missed.Load() == 0 {
				t.Error("both must happen, or the test shows nothing")
			}
		})
	}
}
