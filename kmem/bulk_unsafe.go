// Bulk of typed caches: a slice of *T seen as one of addresses. See bulk.go.

package kmem

import "unsafe"

// untyped is the same slice under another type: both hold pointers that the
// collector follows alike.
func untyped[T any](s []*T) []Pointer {
	return unsafe.Slice((*Pointer)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

// AllocBulk is [Cache.AllocBulk].
func (t *Typed[T]) AllocBulk(dst []*T) error { return t.cache.AllocBulk(untyped(dst)) }

// FreeBulk is [Cache.FreeBulk]. The objects must be in their constructed state.
func (t *Typed[T]) FreeBulk(objs []*T) { t.cache.FreeBulk(untyped(objs)) }

// AllocBulk is [Local.AllocBulk].
func (l *TypedLocal[T]) AllocBulk(dst []*T) error { return (*Local)(l).AllocBulk(untyped(dst)) }

// FreeBulk is [Local.FreeBulk]. The objects must be in their constructed state.
func (l *TypedLocal[T]) FreeBulk(objs []*T) { (*Local)(l).FreeBulk(untyped(objs)) }
