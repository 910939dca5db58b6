//go:build !amd64 || race

// Copies of keys and values word by word with atomics: arm64, the race detector,
// everything unknown. See words_plain_unsafe.go.

package rcumap

import (
	"sync/atomic"
	"unsafe"
)

// words is how many words the cell has.
func (c *cell[T]) words() uintptr { return unsafe.Sizeof(*c) / 8 }

func (c *cell[T]) word(i uintptr) *uint64 {
	return (*uint64)(unsafe.Add(unsafe.Pointer(c), i*8))
}

// copyTo copies the value out. It may be a mix, unless it is one word.
func (c *cell[T]) copyTo(v *T) {
	var copied cell[T]
	for i := range c.words() {
		*copied.word(i) = atomic.LoadUint64(c.word(i))
	}
	*v = copied.v
}

// store sets the value: one word at once, others piecemeal.
func (c *cell[T]) store(v T) {
	given := cell[T]{v: v}
	for i := range c.words() {
		atomic.StoreUint64(c.word(i), *given.word(i))
	}
}

// equal compares a key with the one in a cell.
func equal[K comparable](c *cell[K], key K) bool { return c.load() == key }

// storeRelease is sequentially consistent. arm64: STLR.
func storeRelease(p *atomic.Uint64, v uint64) { p.Store(v) }

func storeCount(p *uint64, v uint64) { atomic.StoreUint64(p, v) }
