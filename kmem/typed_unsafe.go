// The casts of typed caches. Of has checked that T may live off the Go heap and
// that objects are large enough and aligned for it.

package kmem

import (
	"unsafe"

	"github.com/slabrcu/slabrcu/smp"
)

// Alloc is [Cache.Alloc]: nil when the heap has no memory.
func (t *Typed[T]) Alloc() *T { return (*T)(t.cache.Alloc()) }

// TryAlloc is [Cache.TryAlloc].
func (t *Typed[T]) TryAlloc() (*T, error) {
	p, err := t.cache.TryAlloc()
	return (*T)(p), err
}

// Free is [Cache.Free]. The object must be in its constructed state.
func (t *Typed[T]) Free(p *T) { t.cache.Free(Pointer(p)) }

// FreeDeferred is [Cache.FreeDeferred].
func (t *Typed[T]) FreeDeferred(p *T) { t.cache.FreeDeferred(Pointer(p)) }

// On is [Cache.On].
func (t *Typed[T]) On(cpu *smp.CPU) *TypedLocal[T] {
	return (*TypedLocal[T])(t.cache.On(cpu))
}

// Alloc is [Local.Alloc]: nil when the heap has no memory. It repeats the few
// lines of that instead of calling it, because a function around an inlined one
// that is at the limit is above it, and a call would double the cost.
func (l *TypedLocal[T]) Alloc() *T {
	if p := *(**T)(unsafe.Pointer(&l.hot)); plainOwner && p != nil {
		l.hot = l.under
		l.under = 0
		return p
	}
	return (*T)((*Local)(l).allocArray())
}

// Free is [Local.Free]. The object must be in its constructed state.
func (l *TypedLocal[T]) Free(p *T) { (*Local)(l).Free(Pointer(p)) }

// FreeDeferred is [Cache.FreeDeferred].
func (l *TypedLocal[T]) FreeDeferred(p *T) { (*Local)(l).FreeDeferred(Pointer(p)) }

// untypedCtor is a constructor or destructor of T as one of bytes.
func untypedCtor[T any](ctor func(*T)) func(Pointer) {
	if ctor == nil {
		return nil
	}
	return func(p Pointer) { ctor((*T)(p)) }
}
