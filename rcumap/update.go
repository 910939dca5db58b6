// Updates: under the stripe's lock, in an order that readers without it can bear.
// See doc.go.

package rcumap

import (
	"fmt"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/kmem"
)

// Store sets the value of a key. It fails only when the key is new and the heap
// has no memory for it.
func (m *Map[K, V]) Store(key K, value V) error { return m.store(m.any, key, value) }

// LoadOrStore returns the value of a key if the map has it, and otherwise stores
// the one given, which it returns. It fails when the heap has no memory.
func (m *Map[K, V]) LoadOrStore(key K, value V) (actual V, loaded bool, err error) {
	return m.loadOrStore(m.any, key, value)
}

// Update calls f with the value of a key, if the map has it, and stores what f
// made of it. Readers see the value before or after. It reports whether the map
// has the key. f must not keep the pointer, must not use the map, and should be
// short: others wait for it. If f panics nothing is stored.
func (m *Map[K, V]) Update(key K, f func(value *V)) bool {
	h := m.hash(key)
	st := m.lock("Update", h)
	defer st.mu.Unlock()
	n, _ := m.seek(key, h)
	if n == nil {
		return false
	}
	st.scratch = n.value.load()
	f(&st.scratch)
	n.set(st.scratch)
	return true
}

// Delete deletes a key and reports whether the map had it. Its node serves the
// next insertion at once.
func (m *Map[K, V]) Delete(key K) bool {
	_, ok := m.remove(m.any, key)
	return ok
}

// LoadAndDelete deletes a key and returns its value and whether the map had it.
func (m *Map[K, V]) LoadAndDelete(key K) (V, bool) { return m.remove(m.any, key) }

func (m *Map[K, V]) store(by hand[K, V], key K, value V) error {
	h := m.hash(key)
	st := m.lock("Store", h)
	if n, _ := m.seek(key, h); n != nil {
		n.set(value)
		st.mu.Unlock()
		return nil
	}
	ok := m.insert(by, st, h, key, value)
	st.mu.Unlock()
	if !ok {
		return m.noMemory("Store")
	}
	return nil
}

func (m *Map[K, V]) loadOrStore(by hand[K, V], key K, value V) (actual V, loaded bool, err error) {
	h := m.hash(key)
	st := m.lock("LoadOrStore", h)
	if n, _ := m.seek(key, h); n != nil {
		actual = n.value.load()
		st.mu.Unlock()
		return actual, true, nil
	}
	ok := m.insert(by, st, h, key, value)
	st.mu.Unlock()
	if !ok {
		return actual, false, m.noMemory("LoadOrStore")
	}
	return value, false, nil
}

// insert adds a key that the map does not have, at the head of its bucket. It
// reports whether there was memory. The stripe is locked.
func (m *Map[K, V]) insert(by hand[K, V], st *stripe[V], h uint64, key K, value V) bool {
	n := by.alloc()
	if n == nil {
		return false
	}
	b, head := m.locate(h)
	n.fill(key, value, head)
	storeRelease(m.table.Load().bucket(b), uint64(m.linkTo(n)))
	n.live()
	m.count(st, 1)
	m.grow(by, st, h&uint64(len(m.stripes)-1))
	return true
}

// remove deletes a key. The links that lead through its node stay as they are
// until it is another's.
func (m *Map[K, V]) remove(by hand[K, V], key K) (v V, ok bool) {
	h := m.hash(key)
	st := m.lock("Delete", h)
	n, from := m.seek(key, h)
	if n == nil {
		st.mu.Unlock()
		return v, false
	}
	v = n.value.load()
	n.kill()
	storeRelease(from, n.next.Load())
	m.count(st, -1)
	st.mu.Unlock()
	by.free(n)
	return v, true
}

// count adds to the number of entries. The stripe is locked; Len reads beside.
func (m *Map[K, V]) count(st *stripe[V], n int) {
	if invariant.Enabled {
		invariant.Check(int(st.count)+n >= 0, "rcumap: map %q: a stripe counts %d entries and loses %d", m.name, st.count, -n)
	}
	storeCount(&st.count, st.count+uint64(n))
}

func (m *Map[K, V]) noMemory(op string) error {
	return fmt.Errorf("rcumap: %s in map %q of %d entries: %w", op, m.name, m.Len(), kmem.ErrNoMemory)
}
