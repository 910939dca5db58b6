// Growth: buckets split one by one. See doc.go, "Growth".

package rcumap

import "sync/atomic"

const (
	// perEntry is how many buckets there are for an entry once the table has
	// grown. With two, a hit looks at 1.25 nodes; with one it would be 1.5, which
	// costs more than the 8 bytes spare.
	perEntry = 2
	// splitsPerInsert is how far a stripe catches up with the frontier in one
	// insertion. Growth asks for two.
	splitsPerInsert = 4
)

// grow moves the frontier when the stripe is full for it, and then splits buckets
// of the stripe, number s, up to it. The stripe is locked.
func (m *Map[K, V]) grow(by hand[K, V], st *stripe[V], s uint64) {
	stripes := uint64(len(m.stripes))
	frontier := m.table.Load().frontier
	if st.count*stripes*perEntry > frontier {
		frontier = m.advance(frontier)
	}
	for range splitsPerInsert {
		b := st.split*stripes + s
		if b >= frontier || !m.splitOff(by, b) {
			return
		}
		st.split++
	}
}

// advance moves the frontier, if nobody else is about to, and returns where it
// is. Without memory for more buckets it stays: chains get longer.
func (m *Map[K, V]) advance(from uint64) uint64 {
	if !m.growing.TryLock() {
		return from
	}
	defer m.growing.Unlock()
	t := m.table.Load()
	if t.frontier != from {
		return t.frontier
	}
	stripes := uint64(len(m.stripes))
	t = t.advanced(from + max(from/64/stripes, 1)*stripes)
	if t.addChunks(m.buckets) != nil {
		return from
	}
	m.table.Store(t)
	return t.frontier
}

// splitOff splits bucket b off its parent, which is split already: a stripe
// splits its buckets in their order. It reports whether there was memory. The
// stripe is locked.
//
// Readers meanwhile find every key of the parent either in one or in both: what
// moves is in the new chain before it leaves the old one.
func (m *Map[K, V]) splitOff(by hand[K, V], b uint64) bool {
	t := m.table.Load()
	old, bit := t.bucket(parent(b)), topBit(b)
	cut, last, stragglers := m.divide(old, bit)
	head := link(cut.Load()) // the tail of the old chain that moves as it is
	if head.isEnd() {
		head = end(b)
	}
	if stragglers > 0 {
		var ok bool
		if head, ok = m.copyStragglers(by, old, cut, bit, head); !ok {
			return false
		}
	}
	t.bucket(b).Store(uint64(head)) // published
	if last != nil {
		storeRelease(&last.next, uint64(end(b)))
	}
	storeRelease(cut, uint64(end(parent(b))))
	if stragglers > 0 {
		m.dropStragglers(by, old, bit)
	}
	return true
}

// divide looks where a chain can be cut: behind its last node that stays. It
// returns that link, the last node of what is cut off, nil when that is nothing,
// and the number of nodes before the cut that are to move nevertheless.
func (m *Map[K, V]) divide(old *atomic.Uint64, bit uint64) (cut *atomic.Uint64, last *node[K, V], stragglers int) {
	cut = old
	moving := 0 // since the cut
	for l := link(old.Load()); !l.isEnd(); {
		n := m.at(l)
		if m.hash(n.key.load())&bit != 0 {
			moving++
			last = n
		} else {
			stragglers += moving
			moving = 0
			cut, last = &n.next, nil
		}
		l = link(n.next.Load())
	}
	return cut, last, stragglers
}

// copyStragglers puts copies of the nodes before the cut that move in front of
// head. They are live before they are linked, which is right for once: the entry
// is in the map, and the lock keeps it as it is.
func (m *Map[K, V]) copyStragglers(by hand[K, V], old, cut *atomic.Uint64, bit uint64, head link) (link, bool) {
	tail := head
	for from := old; from != cut; {
		n := m.at(link(from.Load()))
		from = &n.next
		key := n.key.load()
		if m.hash(key)&bit == 0 {
			continue
		}
		c := by.alloc()
		if c == nil {
			m.freeChain(by, head, tail)
			return 0, false
		}
		c.fill(key, n.value.load(), head)
		c.live()
		head = m.linkTo(c)
	}
	return head, true
}

// freeChain frees the nodes from one link up to another. Nobody but stale readers
// knows them.
func (m *Map[K, V]) freeChain(by hand[K, V], from, to link) {
	for from != to {
		n := m.at(from)
		from = link(n.next.Load())
		n.kill()
		by.free(n)
	}
}

// dropStragglers deletes the nodes whose copies have been published.
func (m *Map[K, V]) dropStragglers(by hand[K, V], old *atomic.Uint64, bit uint64) {
	for l := link(old.Load()); !l.isEnd(); l = link(old.Load()) {
		n := m.at(l)
		if m.hash(n.key.load())&bit == 0 {
			old = &n.next
			continue
		}
		n.kill()
		storeRelease(old, n.next.Load())
		by.free(n)
	}
}

// clearStripe deletes all entries of a stripe, number s, which is locked.
func (m *Map[K, V]) clearStripe(st *stripe[V], s uint64) {
	t := m.table.Load()
	for i := range st.split {
		b := i*uint64(len(m.stripes)) + s
		head := link(t.bucket(b).Swap(uint64(end(b))))
		for !head.isEnd() {
			n := m.at(head)
			head = link(n.next.Load())
			n.kill()
			m.any.free(n)
		}
	}
	storeCount(&st.count, 0)
}
