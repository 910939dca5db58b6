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
	var fresh *node[K, V]
	for {
		st := m.lock("Store", h)
		if n, _ := m.seek(key, h); n != nil {
			n.set(value)
			st.mu.Unlock()
			by.giveBack(fresh)
			return nil
		}
		if fresh != nil {
			m.insert(by, st, h, fresh, key, value)
			return nil
		}
		st.mu.Unlock()
		if fresh = by.alloc(); fresh == nil { // no lock is held: shrinkers and callbacks may run
			return m.noMemory("Store")
		}
	}
}

func (m *Map[K, V]) loadOrStore(by hand[K, V], key K, value V) (actual V, loaded bool, err error) {
	h := m.hash(key)
	var fresh *node[K, V]
	for {
		st := m.lock("LoadOrStore", h)
		if n, _ := m.seek(key, h); n != nil {
			actual = n.value.load()
			st.mu.Unlock()
			by.giveBack(fresh)
			return actual, true, nil
		}
		if fresh != nil {
			m.insert(by, st, h, fresh, key, value)
			return value, false, nil
		}
		st.mu.Unlock()
		if fresh = by.alloc(); fresh == nil {
			return actual, false, m.noMemory("LoadOrStore")
		}
	}
}

// insert adds a key that the map does not have, at the head of its bucket, in node n. The
// stripe is locked; insert unlocks it, and then grows the table.
func (m *Map[K, V]) insert(by hand[K, V], st *stripe[V], h uint64, n *node[K, V], key K, value V) {
	b, head := m.locate(h)
	n.fill(key, value, head)
	storeRelease(m.table.Load().bucket(b), uint64(m.linkTo(n)))
	n.live()
	m.count(st, 1)
	s := h & uint64(len(m.stripes)-1)
	missing, count := m.catchUp(st, s), st.count
	st.mu.Unlock()
	m.grow(by, s, missing, count)
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
