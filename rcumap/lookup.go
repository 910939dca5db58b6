// The walk of a lookup. Why it may be believed is in doc.go.

package rcumap

import "sync/atomic"

// outcome is how a walk ended.
type outcome uint8

const (
	miss    outcome = iota
	hit             // the value is what the map held
	spoiled         // something moved under the reader, or is being written: nothing is known
)

// find looks for a key, inside a section. Only after a hit v has its value.
func (m *Map[K, V]) find(key K, v *V) outcome {
	h := m.hash(key)
	t := m.table.Load() // locate, without the call
	b := t.guess(h)
	l := t.head(b)
	if l == 0 {
		b, l = t.ancestor(b)
	}
	for !l.isEnd() {
		n := m.at(l)
		seq, live := n.seq.TryRead()
		if equal(&n.key, key) {
			if !live {
				return spoiled // it comes, goes, or changes at this moment
			}
			n.value.copyTo(v)
			if n.seq.ReadRetry(seq) {
				return spoiled
			}
			return hit
		}
		l = link(n.next.Load())
	}
	if l.bucket() != b {
		return spoiled // a node moved, and led to another chain
	}
	if now, _ := m.locate(h); now != b {
		return spoiled // the bucket was split
	}
	return miss
}

// seek finds the node of a key, or nil, and the link to it, or the last one. The
// stripe is locked, so nothing moves. All nodes that are linked then are live.
func (m *Map[K, V]) seek(key K, h uint64) (n *node[K, V], from *atomic.Uint64) {
	b, _ := m.locate(h)
	from = m.table.Load().bucket(b)
	for l := link(from.Load()); !l.isEnd(); l = link(from.Load()) {
		n := m.at(l)
		if equal(&n.key, key) {
			return n, from
		}
		from = &n.next
	}
	return nil, from
}
