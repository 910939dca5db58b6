// Iteration, class by class. See doc.go for the terms.

package rcumap

import (
	"iter"
	"math/bits"
)

// entry is a key and its value, copied out.
type entry[K comparable, V any] struct {
	key   K
	value V
}

// Range calls f for the entries of the map until f returns false. An entry that
// is there for the whole call is seen once; one that is inserted or deleted
// meanwhile is seen once or not at all; no key is seen twice. Values are those of
// the moment at which the few entries that hash alike were copied under their
// stripe's lock. f runs without a lock and may use the map.
func (m *Map[K, V]) Range(f func(key K, value V) bool) {
	var batch []entry[K, V]
	// A class is all hashes that agree in the bits of the first buckets. Keys do
	// not change class, however the table grows.
	classes := uint64(1) << (bits.Len64(m.table.Load().frontier|1) - 1)
	for c := range classes {
		batch = m.gather(batch[:0], c, classes)
		for _, e := range batch {
			if !f(e.key, e.value) {
				return
			}
		}
	}
}

// All is [Map.Range] as an iterator.
func (m *Map[K, V]) All() iter.Seq2[K, V] { return m.Range }

// gather appends the entries of a class.
func (m *Map[K, V]) gather(batch []entry[K, V], class, classes uint64) []entry[K, V] {
	st := m.lock("Range", class)
	defer st.mu.Unlock()
	first, head := m.locate(class)
	batch = m.gatherChain(batch, head, class, classes)
	if first != class {
		return batch // not split yet, and neither is what would be split off it
	}
	t := m.table.Load()
	for b := class + classes; b < t.frontier; b += classes {
		head := t.head(b)
		if head == 0 {
			break
		}
		batch = m.gatherChain(batch, head, class, classes)
	}
	return batch
}

func (m *Map[K, V]) gatherChain(batch []entry[K, V], l link, class, classes uint64) []entry[K, V] {
	for !l.isEnd() {
		n := m.at(l)
		if key := n.key.load(); m.hash(key)&(classes-1) == class {
			batch = append(batch, entry[K, V]{key, n.value.load()})
		}
		l = link(n.next.Load())
	}
	return batch
}
