// The map's frame and its lookups. See doc.go for the theory and the terms.

package rcumap

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// Options are what a new map may be told. The zero value is good.
type Options struct {
	// Name appears in errors and is the prefix of the names of the map's two
	// caches, which must be unique in the heap. Empty is "map".
	Name string
	// Capacity is how many entries the map has room for before it grows; 0 is a
	// few dozen. It takes 16 to 32 bytes each at once.
	Capacity int
	// Stripes is how many locks updates are spread over, a power of two up to
	// 1,024, each with a cache line of its own; 0 is 16 per processor, and 64 at
	// least. The map has as many buckets at least.
	Stripes int
	// Flags are create flags for the cache of nodes, besides kmem.DestroyByRCU.
	Flags kmem.Flags
}

// Map is a concurrent map from K to V. Its methods are safe for any number of
// goroutines, Close excepted. They allocate nothing on the Go heap, but for Range,
// and a directory of 2 bytes for 1,000 buckets whenever the table doubles. Those
// that may insert fail with an error that wraps kmem.ErrNoMemory when the heap is
// at its limit.
type Map[K comparable, V any] struct {
	// What lookups read. It changes when the map grows.
	table atomic.Pointer[table]

	// Constant.
	anchor  kmem.Pointer // where links count from
	domain  *urcu.Domain
	secret  secret
	any     hand[K, V] // for goroutines without a Local
	stripes []stripe[V]
	initial uint64 // number of buckets that were never split off another
	name    string
	heap    *kmem.Heap
	buckets *kmem.Typed[chunk]

	// growing guards the replacement of the table.
	growing sync.Mutex

	_       [smp.LinePad]byte
	spoiled atomic.Uint64 // lookups that had to be tried again
	locked  atomic.Uint64 // lookups that took the lock in the end
}

// stripe is a lock for the buckets whose numbers are the stripe's modulo the
// number of stripes.
type stripe[V any] struct {
	mu      sync.Mutex
	count   uint64 // entries; written under mu, read without
	split   uint64 // number of its buckets that are split; guarded by mu
	scratch V      // guarded by mu; here so that a pointer to it does not escape
	_       [smp.LinePad - 24]byte
}

// New makes an empty map on a heap. Lookups use sections of the heap's domain.
// The error tells why: K or V holds a Go pointer (with the path of the field), K
// a floating-point number, a cache of that name exists, or there is no memory.
// Close ends the map.
func New[K comparable, V any](heap *kmem.Heap, o Options) (*Map[K, V], error) {
	if o.Name == "" {
		o.Name = "map"
	}
	m := &Map[K, V]{name: o.Name, heap: heap, domain: heap.Domain(), secret: newSecret[K]()}
	if err := m.init(o); err != nil {
		return nil, fmt.Errorf("rcumap: New %q: %w", o.Name, err)
	}
	return m, nil
}

func (m *Map[K, V]) init(o Options) (err error) {
	if err := checkKey[K](); err != nil {
		return err
	}
	if o.Capacity < 0 || o.Capacity > maxCapacity {
		return fmt.Errorf("capacity is %d; legal are 0 to %d", o.Capacity, uint64(maxCapacity))
	}
	if o.Stripes < 0 || o.Stripes > maxStripes || o.Stripes&(o.Stripes-1) != 0 {
		return fmt.Errorf("stripes is %d; legal are 0 and the powers of two up to %d", o.Stripes, maxStripes)
	}
	m.any.any, err = kmem.Of(m.heap, m.name+"-node", kmem.TypedOptions[node[K, V]]{
		Flags: o.Flags | kmem.DestroyByRCU,
		Ctor:  (*node[K, V]).construct,
	})
	if err != nil {
		return err
	}
	if m.buckets, err = kmem.Of(m.heap, m.name+"-bucket", kmem.TypedOptions[chunk]{Ctor: (*chunk).construct}); err == nil {
		if err = m.initBuckets(o); err == nil {
			return nil
		}
		m.buckets.Cache().Destroy()
	}
	m.any.any.Cache().Destroy()
	return err
}

// initBuckets makes the stripes and the first buckets.
func (m *Map[K, V]) initBuckets(o Options) error {
	stripes := uint64(o.Stripes)
	if stripes == 0 {
		stripes = min(max(powerOfTwo(16*runtime.GOMAXPROCS(0)), minStripes), maxStripes)
	}
	m.initial = max(stripes, powerOfTwo(o.Capacity*perEntry))
	m.stripes = make([]stripe[V], stripes)
	for i := range m.stripes {
		m.stripes[i].split = m.initial / stripes
	}
	t := newTable(m.initial)
	t.frontier = m.initial
	if err := t.addChunks(m.buckets); err != nil {
		t.freeChunks(m.buckets)
		return err
	}
	m.anchor = kmem.Pointer(t.chunks[0].Load())
	for b := range m.initial {
		t.bucket(b).Store(uint64(end(b)))
	}
	m.table.Store(t)
	return nil
}

const (
	minStripes  = 64 // unless told
	maxStripes  = 1024
	maxCapacity = 1 << 36
)

// powerOfTwo returns the smallest power of two that is at least n, and 1.
func powerOfTwo(n int) uint64 { return 1 << bits.Len(uint(max(n, 1)-1)) }

// Name returns the name that the map was made with.
func (m *Map[K, V]) Name() string { return m.name }

// Heap returns the heap that the map is on.
func (m *Map[K, V]) Heap() *kmem.Heap { return m.heap }

func (m *Map[K, V]) stripe(h uint64) *stripe[V] {
	return &m.stripes[h&uint64(len(m.stripes)-1)]
}

// tries is how many times a lookup walks before it takes the lock.
const tries = 8

// Load returns the value of a key, and whether the map has it. It takes no lock,
// save for the case that doc.go names, and may be called inside a section too,
// of any kind, which it then does not leave.
func (m *Map[K, V]) Load(key K) (v V, ok bool) {
	s := m.domain.Enter()
	found := m.find(key, &v)
	s.Exit()
	if found == spoiled {
		return m.loadAgain(key)
	}
	return v, found == hit
}

// LoadInside is [Map.Load] for a caller that has a section of the heap's domain
// open, of whichever kind, and looks many keys up in it: it spares the price of a
// section for each. Beside a writer of the very key it may wait for a lock inside
// the section; whoever holds that lock waits for nobody's section.
func (m *Map[K, V]) LoadInside(key K) (v V, ok bool) {
	found := m.find(key, &v)
	if found == spoiled {
		return m.loadAgainInside(key)
	}
	return v, found == hit
}

// loadAgainInside cannot leave the section, so it does not try for long.
func (m *Map[K, V]) loadAgainInside(key K) (v V, ok bool) {
	m.spoiled.Add(1)
	if found := m.find(key, &v); found != spoiled {
		return v, found == hit
	}
	m.locked.Add(1)
	return m.loadLocked(key)
}

// loadAgain goes on where the first walk was spoiled. Each walk has a section of
// its own, so that grace periods get past a lookup that keeps trying.
func (m *Map[K, V]) loadAgain(key K) (v V, ok bool) {
	m.spoiled.Add(1)
	for range tries - 1 {
		s := m.domain.Enter()
		found := m.find(key, &v)
		s.Exit()
		if found != spoiled {
			return v, found == hit
		}
		runtime.Gosched()
	}
	m.locked.Add(1)
	return m.loadLocked(key)
}

// loadLocked finds a key under its stripe's lock, which nothing spoils.
func (m *Map[K, V]) loadLocked(key K) (v V, ok bool) {
	h := m.hash(key)
	st := m.lock("Load", h)
	n, _ := m.seek(key, h)
	if n != nil {
		v = n.value.load()
	}
	st.mu.Unlock()
	return v, n != nil
}

// lock takes the stripe of a hash. It panics when the map is closed.
func (m *Map[K, V]) lock(op string, h uint64) *stripe[V] {
	st := m.stripe(h)
	st.mu.Lock()
	if m.table.Load().frontier == 0 {
		st.mu.Unlock()
		panic(fmt.Sprintf("rcumap: %s of map %q after Close", op, m.name))
	}
	return st
}

// Len returns the number of entries. While others insert and delete it is a
// number of some moments, not of one. It reads a word per stripe.
func (m *Map[K, V]) Len() int {
	n := 0
	for i := range m.stripes {
		n += int(atomic.LoadUint64(&m.stripes[i].count))
	}
	return n
}

// Clear deletes all entries, stripe by stripe: what is stored meanwhile may stay
// or go. Buckets stay.
func (m *Map[K, V]) Clear() { m.clear("Clear") }

func (m *Map[K, V]) clear(op string) {
	var dead []*node[K, V]
	for i := range m.stripes {
		st := m.lock(op, uint64(i))
		dead = m.clearStripe(st, uint64(i), dead[:0])
		st.mu.Unlock()
		for _, n := range dead { // no lock is held: callbacks may run
			m.any.free(n)
		}
	}
}

// Close deletes all entries and gives all memory back to the heap; it waits for
// a grace period. Nobody may use the map any more: later calls panic, those
// under way at the same time may fault. It must not be called inside a section.
// It panics when the map is closed already. The error is that of a cache that
// could not be destroyed.
func (m *Map[K, V]) Close() error {
	m.clear("Close")
	m.growing.Lock()
	t := m.table.Swap(newTable(1))
	m.growing.Unlock()
	t.freeChunks(m.buckets)
	if err := m.any.any.Cache().Destroy(); err != nil {
		return fmt.Errorf("rcumap: Close of map %q: %w", m.name, err)
	}
	if err := m.buckets.Cache().Destroy(); err != nil {
		return fmt.Errorf("rcumap: Close of map %q: %w", m.name, err)
	}
	return nil
}
