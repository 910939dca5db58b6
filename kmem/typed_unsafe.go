// The casts of typed caches. Of has checked that T may live off the Go heap and
// that objects are large enough and aligned for it.

package kmem

import "github.com/slabrcu/slabrcu/smp"

// Alloc is [Cache.Alloc]: nil when the heap has no memory.
func (t *Typed[T]) Alloc() *T { return (*T)(t.cache.Alloc()) }

// TryAlloc is [Cache.TryAlloc].
func (t *Typed[T]) TryAlloc() (*T, error) {
	p, err := t.cache.TryAlloc()
	return (*T)(p), err
}

// Free is [Cache.Free]. The object must be in its constructed state.
func (t *Typed[T]) Free(p *T) { t.cache.Free(Pointer(p)) }

// On is [Cache.On].
func (t *Typed[T]) On(cpu *smp.CPU) TypedLocal[T] { return TypedLocal[T]{t.cache.On(cpu)} }

// Alloc is [Local.Alloc]: nil when the heap has no memory.
func (l TypedLocal[T]) Alloc() *T { return (*T)(l.local.Alloc()) }

// Free is [Local.Free]. The object must be in its constructed state.
func (l TypedLocal[T]) Free(p *T) { l.local.Free(Pointer(p)) }

// untypedCtor is a constructor of T as a constructor of bytes.
func untypedCtor[T any](ctor func(*T)) func(Pointer) {
	if ctor == nil {
		return nil
	}
	return func(p Pointer) { ctor((*T)(p)) }
}
