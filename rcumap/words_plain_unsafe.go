//go:build amd64 && !race

// Copies of keys and values by plain loads and stores. See doc.go, "Traps"; the
// same with atomics is in words_atomic_unsafe.go.
//
// These are data races by the letter of the Go memory model. They are confined to
// this file, which race builds and other architectures leave out. What they rely
// on: amd64 keeps loads in order and stores in order (TSO); the compiler keeps
// memory operations in program order around atomic ones; and what was torn is
// thrown away, because the sequence around it has changed.

package rcumap

import (
	"sync/atomic"
	"unsafe"
)

// copyTo copies the value out. It may be a mix, unless it is one word.
func (c *cell[T]) copyTo(v *T) {
	if c.isWord() {
		w := atomic.LoadUint64((*uint64)(unsafe.Pointer(c)))
		*v = *(*T)(unsafe.Pointer(&w))
		return
	}
	*v = c.v
}

// store sets the value: one word at once, others piecemeal.
func (c *cell[T]) store(v T) {
	if c.isWord() {
		w := cell[T]{v: v}
		*(*uint64)(unsafe.Pointer(c)) = *(*uint64)(unsafe.Pointer(&w))
		return
	}
	c.v = v
}

// equal compares a key with the one in a cell.
func equal[K comparable](c *cell[K], key K) bool { return c.v == key }

// storeRelease makes v visible after everything before it in program order. MOV.
func storeRelease(p *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(p)) = v }

// storeCount is for counters with one writer that others read at times.
func storeCount(p *uint64, v uint64) { *p = v }
