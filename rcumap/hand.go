// Where nodes come from and go to. See doc.go for an overview.

package rcumap

import "github.com/slabrcu/slabrcu/kmem"

// hand allocates and frees nodes: for an emulated CPU or for anybody.
type hand[K comparable, V any] struct {
	any *kmem.Typed[node[K, V]]
	own *kmem.TypedLocal[node[K, V]] // nil for anybody
}

func (h hand[K, V]) alloc() *node[K, V] {
	if h.own != nil {
		return h.own.Alloc()
	}
	return h.any.Alloc()
}

func (h hand[K, V]) free(n *node[K, V]) {
	if h.own != nil {
		h.own.Free(n)
	} else {
		h.any.Free(n)
	}
}

// giveBack frees a node that was not needed, if there is one.
func (h hand[K, V]) giveBack(n *node[K, V]) {
	if n != nil {
		h.free(n)
	}
}
