// A CPU's own way to a map. See doc.go for an overview.

package rcumap

import (
	"fmt"
	"runtime"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// Local is an emulated CPU's handle of a map: its sections are those of a
// registered reader, its nodes come from the CPU's own array cache. Its methods
// do what those of [Map] do, for the CPU's goroutine alone.
type Local[K comparable, V any] struct {
	m      *Map[K, V]
	by     hand[K, V]
	flavor urcu.Flavor
	memb   *urcu.MembReader
	mb     *urcu.MBReader
}

// On returns a handle of the map for a CPU and a reader that the CPU's goroutine
// has registered in the domain of the map's heap. One reader may serve many maps.
// The handle ends with either of them; a QSBR reader is announced quiescent by
// its owner, as ever. It panics when the reader is of another flavor than the
// domain.
func (m *Map[K, V]) On(cpu *smp.CPU, reader urcu.Reader) *Local[K, V] {
	l := &Local[K, V]{m: m, flavor: m.domain.Flavor()}
	ok := false
	switch l.flavor {
	case urcu.QSBR:
		_, ok = reader.(*urcu.QSBRReader)
	case urcu.Memb:
		l.memb, ok = reader.(*urcu.MembReader)
	case urcu.MB:
		l.mb, ok = reader.(*urcu.MBReader)
	}
	if !ok {
		panic(fmt.Sprintf("rcumap: On of map %q: the reader is a %T, the domain %q is of flavor %v",
			m.name, reader, m.domain.Name(), l.flavor))
	}
	l.by = hand[K, V]{any: m.any.any, own: m.any.any.On(cpu)}
	return l
}

// enter and exit are a section of the reader. A QSBR reader is always in one.
func (l *Local[K, V]) enter() {
	switch l.flavor {
	case urcu.Memb:
		l.memb.Lock()
	case urcu.MB:
		l.mb.Lock()
	}
}

func (l *Local[K, V]) exit() {
	switch l.flavor {
	case urcu.Memb:
		l.memb.Unlock()
	case urcu.MB:
		l.mb.Unlock()
	}
}

// Load is [Map.Load]. The flavor that is most common, and whose sections cost
// less than a call, has them inlined.
func (l *Local[K, V]) Load(key K) (v V, ok bool) {
	var found outcome
	if reader := l.memb; reader != nil {
		reader.Lock()
		found = l.m.find(key, &v)
		reader.Unlock()
	} else {
		l.enter()
		found = l.m.find(key, &v)
		l.exit()
	}
	if found == spoiled {
		return l.loadAgain(key)
	}
	return v, found == hit
}

func (l *Local[K, V]) loadAgain(key K) (v V, ok bool) {
	l.m.spoiled.Add(1)
	for range tries - 1 {
		l.enter()
		found := l.m.find(key, &v)
		l.exit()
		if found != spoiled {
			return v, found == hit
		}
		runtime.Gosched()
	}
	l.m.locked.Add(1)
	return l.m.loadLocked(key)
}

// Store is [Map.Store].
func (l *Local[K, V]) Store(key K, value V) error { return l.m.store(l.by, key, value) }

// LoadOrStore is [Map.LoadOrStore].
func (l *Local[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool, err error) {
	return l.m.loadOrStore(l.by, key, value)
}

// Update is [Map.Update].
func (l *Local[K, V]) Update(key K, f func(value *V)) bool { return l.m.Update(key, f) }

// Delete is [Map.Delete].
func (l *Local[K, V]) Delete(key K) bool {
	_, ok := l.m.remove(l.by, key)
	return ok
}

// LoadAndDelete is [Map.LoadAndDelete].
func (l *Local[K, V]) LoadAndDelete(key K) (V, bool) { return l.m.remove(l.by, key) }

// Stats are figures of a map.
type Stats struct {
	Entries int // as Len
	Buckets int // split or about to be
	Spoiled int // lookups that had to walk again, ever
	Locked  int // of those, lookups that took the lock in the end
	Nodes   kmem.CacheStats
	Chunks  kmem.CacheStats // arrays of buckets
}

// Stats returns the figures of some moment.
func (m *Map[K, V]) Stats() Stats {
	return Stats{
		Entries: m.Len(),
		Buckets: int(m.table.Load().frontier),
		Spoiled: int(m.spoiled.Load()),
		Locked:  int(m.locked.Load()),
		Nodes:   m.any.any.Cache().Stats(),
		Chunks:  m.buckets.Cache().Stats(),
	}
}
