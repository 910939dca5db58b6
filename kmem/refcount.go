// RefCount: a reference count whose take can fail. One of the building blocks of
// blocks.go.

package kmem

import (
	"fmt"
	"sync/atomic"
)

// RefCount counts references to an object that may be gone: from 0 nobody can
// take one. The zero value is the count of a free object; in a cache the
// constructor sets it, and after that only the methods change it. Its methods
// are safe for concurrent use and never block. A RefCount must not be copied.
type RefCount struct {
	word atomic.Uint32
}

// maxRefs is the greatest count. What stands above is an underflow, or never was
// a count.
const maxRefs = 1<<31 - 1

// Init makes the count of a free object 1: the owner's reference. It is the last
// thing that an owner does to a new object, because from then on stale readers
// can take it; what was written before is seen by whoever does. It panics when
// the count is not 0.
func (r *RefCount) Init() {
	if !r.word.CompareAndSwap(0, 1) {
		r.bad("Init", r.word.Load())
	}
}

// TryGet takes a reference and reports whether it could: the object was not
// free. Whose object it is must be checked after. It panics when the count has
// no room or was overwritten.
func (r *RefCount) TryGet() bool {
	for {
		n := r.word.Load()
		if n == 0 {
			return false
		}
		if n >= maxRefs {
			r.bad("TryGet", n)
		}
		if r.word.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Get takes another reference for a caller that has one already. It panics when
// nobody has, or the count has no room.
func (r *RefCount) Get() {
	if n := r.word.Add(1); n-2 >= maxRefs-1 {
		r.badGet(n)
	}
}

// Put lets go of a reference and reports whether it was the last: then the
// caller must free the object. It panics when there is none to let go of.
func (r *RefCount) Put() (last bool) {
	n := r.word.Add(^uint32(0))
	if n >= maxRefs {
		r.badPut(n)
	}
	return n == 0
}

// Count returns the number of references at some moment: for assertions.
func (r *RefCount) Count() int { return int(r.word.Load()) }

// badGet takes back what Get did to the count and panics.
//
//go:noinline
func (r *RefCount) badGet(n uint32) {
	r.word.Add(^uint32(0))
	r.bad("Get", n-1)
}

// badPut takes back what Put did to the count and panics.
//
//go:noinline
func (r *RefCount) badPut(n uint32) {
	r.word.Add(1)
	r.bad("Put", n+1)
}

//go:noinline
func (r *RefCount) bad(op string, n uint32) {
	panic(fmt.Sprintf("kmem: %s of reference count %p: it is %d; legal are 0 for Init, 1 to %d for Put, 1 to %d for Get and TryGet",
		op, r, n, maxRefs, maxRefs-1))
}
