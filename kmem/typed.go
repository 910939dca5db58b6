// Typed caches: a Cache whose objects are of one Go type. A layer over the walk
// in doc.go, not a stop of it.

package kmem

import (
	"fmt"
	"reflect"
)

// TypedOptions are [CacheOptions] for a cache of T.
type TypedOptions[T any] struct {
	// Align is the alignment of objects in bytes, a power of two up to the page
	// size; 0 leaves it to the flags. Whatever T needs it gets.
	Align int
	// Flags are the create flags.
	Flags Flags
	// Ctor constructs an object, once when its slab is made; the memory holds
	// anything before. See [CacheOptions].
	Ctor func(*T)
	// Dtor undoes the work of Ctor, when a slab ends. See [CacheOptions].
	Dtor func(*T)
}

// Typed is a cache of objects of type T. Its methods are those of [Cache] with
// *T in place of an address, and cost the same. Safe for concurrent use.
type Typed[T any] struct {
	cache *Cache // constant
}

// TypedLocal is a CPU's handle of a typed cache, for that CPU's goroutine alone.
// It is the [Local] of the cache under another type, and lives as long.
type TypedLocal[T any] Local

// Of makes a cache of objects of type T. The collector does not see the objects,
// so a T that holds a Go pointer anywhere is refused, with the path of the field;
// sync.Mutex, the atomic integers, [Ref], and arrays of those hold none. A T
// without a size is refused too. Other errors are those of [Heap.NewCache]; with
// the flag [Panic] it panics with the error instead.
//
// A new object is not zeroed: it is as the constructor left it, or as it was
// freed.
func Of[T any](h *Heap, name string, o TypedOptions[T]) (*Typed[T], error) {
	t := reflect.TypeFor[T]()
	if err := checkType(t); err != nil {
		err = fmt.Errorf("kmem: Of %q: %w", name, err)
		if o.Flags&Panic != 0 {
			panic(err)
		}
		return nil, err
	}
	opts := CacheOptions{Align: o.Align, Flags: o.Flags, Ctor: untypedCtor(o.Ctor), Dtor: untypedCtor(o.Dtor)}
	if o.Align > 0 && o.Align&(o.Align-1) == 0 {
		opts.Align = max(o.Align, t.Align())
	}
	c, err := h.NewCache(name, int(t.Size()), opts)
	if err != nil {
		return nil, err
	}
	return &Typed[T]{cache: c}, nil
}

// Cache returns the cache under t, for Shrink, Destroy, Stats and the rest.
func (t *Typed[T]) Cache() *Cache { return t.cache }

// checkType says why objects of type t cannot live off the Go heap.
func checkType(t reflect.Type) error {
	if path, bad := findPointer(t, ""); bad != nil {
		where := "is a Go pointer"
		if path != "" {
			where = fmt.Sprintf("holds a Go pointer in %s (%s)", path, bad)
		}
		return fmt.Errorf("type %s %s, which the collector would not see; legal are numbers, arrays, structs of those, and Ref", t, where)
	}
	if t.Size() == 0 {
		return fmt.Errorf("type %s has no size; an object takes at least a byte", t)
	}
	return nil
}

// findPointer looks for the first Go pointer in t and returns its path from path
// on and its type, or nil. A uintptr is a number. An array without elements
// holds nothing, whatever its type.
func findPointer(t reflect.Type, path string) (string, reflect.Type) {
	switch t.Kind() {
	case reflect.Array:
		if t.Len() == 0 {
			return "", nil
		}
		return findPointer(t.Elem(), path+"[0]")
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			field := f.Name
			if path != "" {
				field = path + "." + field
			}
			if p, bad := findPointer(f.Type, field); bad != nil {
				return p, bad
			}
		}
		return "", nil
	case reflect.Pointer, reflect.UnsafePointer, reflect.Slice, reflect.String,
		reflect.Map, reflect.Chan, reflect.Func, reflect.Interface:
		return path, t
	default: // numbers
		return "", nil
	}
}
