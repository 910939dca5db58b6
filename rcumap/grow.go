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

// catchUp splits buckets of the stripe, number s, up to the frontier. It stops at one for
// whose split nodes are missing, and returns how many. The stripe is locked.
func (m *Map[K, V]) catchUp(st *stripe[V], s uint64) (missing int) {
	stripes, frontier := uint64(len(m.stripes)), m.table.Load().frontier
	for range splitsPerInsert {
		b := st.split*stripes + s
		if b >= frontier {
			return 0
		}
		if missing = m.splitOff(b, nil); missing > 0 {
			return missing
		}
		st.split++
	}
	return 0
}

// grow splits the bucket of stripe s that nodes were missing for, and moves the frontier
// when the stripe, of count entries, is full for it. No lock is held, as where nodes come
// from and go to shrinkers and callbacks may run, which may use the map.
func (m *Map[K, V]) grow(by hand[K, V], s uint64, missing int, count uint64) {
	if missing > 0 {
		m.splitWith(by, s, missing)
	}
	if frontier := m.table.Load().frontier; count*uint64(len(m.stripes))*perEntry > frontier {
		m.advance(frontier)
	}
}

// splitWith splits the next bucket of stripe s with so many nodes to spare, if there is
// memory for them and they are still enough.
func (m *Map[K, V]) splitWith(by hand[K, V], s uint64, missing int) {
	var few [4]*node[K, V]
	spare := few[:0]
	defer func() { // those that were dropped, or not needed
		for _, n := range spare {
			by.free(n)
		}
	}()
	for len(spare) < missing {
		n := by.alloc()
		if n == nil {
			return
		}
		spare = append(spare, n)
	}
	st := m.lock("Store", s)
	if b := st.split*uint64(len(m.stripes)) + s; b < m.table.Load().frontier && m.splitOff(b, spare) == 0 {
		st.split++
	}
	st.mu.Unlock()
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
// splits its buckets in their order. It returns how many nodes are missing, 0 when it is
// done: nodes of spare take the place of others, which stand there then. The stripe is
// locked.
//
// Readers meanwhile find every key of the parent either in one or in both: what
// moves is in the new chain before it leaves the old one.
func (m *Map[K, V]) splitOff(b uint64, spare []*node[K, V]) (missing int) {
	t := m.table.Load()
	old, bit := t.bucket(parent(b)), topBit(b)
	cut, last, stragglers := m.divide(old, bit)
	if stragglers > len(spare) {
		return stragglers
	}
	head := link(cut.Load()) // the tail of the old chain that moves as it is
	if head.isEnd() {
		head = end(b)
	}
	if stragglers > 0 {
		head = m.copyStragglers(spare, old, cut, bit, head)
	}
	t.bucket(b).Store(uint64(head)) // published
	if last != nil {
		storeRelease(&last.next, uint64(end(b)))
	}
	storeRelease(cut, uint64(end(parent(b))))
	if stragglers > 0 {
		m.dropStragglers(spare, old, bit)
	}
	return 0
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
// head, in nodes of spare. They are live before they are linked, which is right for once:
// the entry is in the map, and the lock keeps it as it is.
func (m *Map[K, V]) copyStragglers(spare []*node[K, V], old, cut *atomic.Uint64, bit uint64, head link) link {
	for from := old; from != cut; {
		n := m.at(link(from.Load()))
		from = &n.next
		key := n.key.load()
		if m.hash(key)&bit == 0 {
			continue
		}
		c := spare[0]
		spare = spare[1:]
		c.fill(key, n.value.load(), head)
		c.live()
		head = m.linkTo(c)
	}
	return head
}

// dropStragglers deletes the nodes whose copies have been published, and puts them where
// these stood.
func (m *Map[K, V]) dropStragglers(spare []*node[K, V], old *atomic.Uint64, bit uint64) {
	for l := link(old.Load()); !l.isEnd(); l = link(old.Load()) {
		n := m.at(l)
		if m.hash(n.key.load())&bit == 0 {
			old = &n.next
			continue
		}
		n.kill()
		storeRelease(old, n.next.Load())
		spare[0] = n
		spare = spare[1:]
	}
}

// clearStripe deletes all entries of a stripe, number s, which is locked, and adds their
// nodes to dead.
func (m *Map[K, V]) clearStripe(st *stripe[V], s uint64, dead []*node[K, V]) []*node[K, V] {
	t := m.table.Load()
	for i := range st.split {
		b := i*uint64(len(m.stripes)) + s
		head := link(t.bucket(b).Swap(uint64(end(b))))
		for !head.isEnd() {
			n := m.at(head)
			head = link(n.next.Load())
			n.kill()
			dead = append(dead, n)
		}
	}
	storeCount(&st.count, 0)
	return dead
}
