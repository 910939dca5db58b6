// The inlined part of Alloc. Stop 1 of the walk in doc.go.

package kmem

// Alloc returns an object of the cache, constructed or as it was freed, or nil
// when the heap has no memory; [Cache.TryAlloc] says why. Only the goroutine
// that is the handle's CPU may call it, inside read-side sections too: it never
// waits for a grace period. It panics after Destroy.
func (l *Local) Alloc() Pointer {
	if obj := l.hot; plainOwner && obj != 0 {
		l.hot = 0
		return obj.pointer()
	}
	return l.allocArray()
}
