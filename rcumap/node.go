// Nodes and the links between them. See doc.go for the terms.

package rcumap

import (
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
)

// node is an entry. All its words may be read by stale readers at any time,
// whatever the node is by then.
type node[K comparable, V any] struct {
	next  atomic.Uint64 // a link, never 0 once linked
	seq   kmem.SeqCount // even: live. Odd: free, or not linked yet, or its value is being written
	key   cell[K]       // changes while the node is not live
	value cell[V]       // changes while the node is not live or, when it is one word, at any time
}

// construct makes a free node of memory that holds anything.
func (n *node[K, V]) construct() {
	n.next.Store(uint64(end(0)))
	n.seq = kmem.SeqCount{}
	n.seq.WriteBegin()
}

// fill sets up a node that is not live. Stale readers may be looking.
func (n *node[K, V]) fill(key K, value V, next link) {
	n.key.store(key)
	n.value.store(value)
	storeRelease(&n.next, uint64(next))
}

// live makes a node's entry visible. The sequence of a node counts over all its
// lives, so a reader of an earlier one notices.
func (n *node[K, V]) live() { n.seq.WriteEnd() }

// kill ends it. The links to and from the node still lead through it.
func (n *node[K, V]) kill() { n.seq.WriteBegin() }

// set replaces the value of a live node. Its stripe is locked.
func (n *node[K, V]) set(value V) {
	if n.value.isWord() {
		n.value.store(value)
		return
	}
	n.seq.WriteBegin()
	n.value.store(value)
	n.seq.WriteEnd()
}

// link is what next and buckets hold: 0 in a bucket that is not split; odd the
// end of a chain, with the number of its bucket; otherwise the distance of a node
// from the map's anchor.
type link uint64

func end(bucket uint64) link { return link(bucket<<1 | 1) }

func (l link) isEnd() bool { return l&1 != 0 }

// bucket returns the number that an end carries.
func (l link) bucket() uint64 { return uint64(l >> 1) }
