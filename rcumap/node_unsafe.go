// Links to nodes and back: anchor plus distance. See doc.go for the terms.

package rcumap

import (
	"unsafe"

	"github.com/slabrcu/slabrcu/kmem"
)

// at returns the node that a link leads to. The link is neither 0 nor an end.
func (m *Map[K, V]) at(l link) *node[K, V] {
	return (*node[K, V])(unsafe.Add(m.anchor, int(l)))
}

// linkTo returns the link that leads to a node.
func (m *Map[K, V]) linkTo(n *node[K, V]) link {
	return link(uintptr(kmem.Pointer(n)) - uintptr(m.anchor))
}

// cell holds a T in whole words, so that they can be copied one by one.
type cell[T any] struct {
	_ [0]uint64
	v T
}

// isWord reports whether all of the cell is one word, which is loaded and stored
// at once. The compiler knows the answer.
func (c *cell[T]) isWord() bool { return unsafe.Sizeof(*c) == 8 }

// load is copyTo, for those who hold the stripe's lock and are in no hurry.
func (c *cell[T]) load() (v T) {
	c.copyTo(&v)
	return v
}

// word returns a key of at most a word as a number. (A cell would not do: nobody
// clears its padding.)
func word[K comparable](key K) (w uint64) {
	*(*K)(unsafe.Pointer(&w)) = key
	return w
}
