// The inlined part of Alloc. Stop 1 of the walk in doc.go.

package kmem

import "unsafe"

// Alloc returns an object of the cache, constructed or as it was freed, or nil
// when the heap has no memory; [Cache.TryAlloc] says why. Only the goroutine
// that is the handle's CPU may call it, inside read-side sections too: it never
// waits for a grace period. It panics after Destroy.
//
// It reads the hot slot as the pointer that it is, and fills it from the one below.
// Not a point is left of what the compiler inlines (TestAllocInlines).
func (l *Local) Alloc() Pointer {
	if p := *(*Pointer)(unsafe.Pointer(&l.hot)); plainOwner && p != nil {
		l.hot = l.under
		l.under = 0
		return p
	}
	return l.allocArray()
}
