// Typed references between objects off the Go heap, of which lists and tables
// are built. Beside the walk of doc.go: nothing in the allocator needs them.

package kmem

import (
	"fmt"
	"sync/atomic"
)

// Ref is a reference to a T on a heap that may itself stand off the Go heap: an
// offset from the heap's base. The zero Ref is nil. Refs to the same object of a
// heap compare equal. A Ref does not keep its object allocated.
type Ref[T any] struct {
	_   [0]*T // a Ref of another type does not convert to this one
	off uint64
}

// AtomicRef is a Ref that many may load and change at once. Its operations are
// sequentially consistent, as all of sync/atomic: what was written to an object
// before its Ref was stored is seen by whoever loads the Ref. Like [Ref] it is
// nil when zero; it must not be copied.
type AtomicRef[T any] struct {
	_   [0]*T
	off atomic.Uint64
}

// IsNil reports whether r refers to nothing.
func (r Ref[T]) IsNil() bool { return r.off == 0 }

// String returns the offset, or "nil".
func (r Ref[T]) String() string {
	if r.off == 0 {
		return "nil"
	}
	return fmt.Sprintf("base+%#x", r.off)
}

// Load returns the reference.
func (a *AtomicRef[T]) Load() Ref[T] { return Ref[T]{off: a.off.Load()} }

// Store sets the reference: it publishes the object.
func (a *AtomicRef[T]) Store(r Ref[T]) { a.off.Store(r.off) }

// Swap sets the reference and returns the one before.
func (a *AtomicRef[T]) Swap(r Ref[T]) Ref[T] { return Ref[T]{off: a.off.Swap(r.off)} }

// CompareAndSwap sets the reference to r when it is old, and reports whether it
// did. In a cache with [DestroyByRCU] an object may be freed and come back
// between a Load and this: equal references do not mean that nothing happened.
func (a *AtomicRef[T]) CompareAndSwap(old, r Ref[T]) bool {
	return a.off.CompareAndSwap(old.off, r.off)
}

// foreignRef panics over a pointer that no Ref can stand for.
func (h *Heap) foreignRef(p Pointer) {
	panic(fmt.Sprintf("kmem: RefOf of %p: the pointer is not in heap %q", p, h.name))
}
