// Words of an array cache, without bounds checks on the way of every object.

package kmem

import "unsafe"

// words is a table of entries.
type words struct{ first *uintptr }

// noEntries is the table of an array cache that was never used.
var noEntries = makeWords(1)

func makeWords(n int) words { return words{&make([]uintptr, n)[0]} }

// at returns the address of entry i. The caller knows that it is there.
func (w words) at(i uint32) *uintptr {
	return (*uintptr)(unsafe.Add(unsafe.Pointer(w.first), uintptr(i)*unsafe.Sizeof(uintptr(0))))
}

// slice returns n entries from number i on.
func (w words) slice(i, n int) []uintptr { return unsafe.Slice(w.at(uint32(i)), n) }
