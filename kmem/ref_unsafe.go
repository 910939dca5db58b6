// References to pointers and back: base plus offset.

package kmem

import "unsafe"

// RefOf returns the reference to p, nil for nil. It panics when p is not an
// address in h.
func RefOf[T any](h *Heap, p *T) Ref[T] {
	if p == nil {
		return Ref[T]{}
	}
	off := h.offset(unsafe.Pointer(p))
	if off >= h.end.Load() {
		h.foreignRef(unsafe.Pointer(p))
	}
	return Ref[T]{off: uint64(off)}
}

// Ptr returns the object on h that r refers to, nil for nil. The reference must
// be of this heap.
func (r Ref[T]) Ptr(h *Heap) *T {
	if r.off == 0 {
		return nil
	}
	return (*T)(unsafe.Add(h.base, r.off))
}
