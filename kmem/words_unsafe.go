// Words of an array cache, without bounds checks on the way of every object.

package kmem

import "unsafe"

// words is a table of entries.
type words struct{ first *addr }

// noEntries is the table of an array cache that was never used.
var noEntries = makeWords(1)

func makeWords(n int) words { return words{&make([]addr, n)[0]} }

// at returns the address of entry i. The caller knows that it is there.
func (w words) at(i uint32) *addr {
	return (*addr)(unsafe.Add(unsafe.Pointer(w.first), uintptr(i)*unsafe.Sizeof(addr(0))))
}

// addrs is objs as words, for who copies them.
func addrs(objs []Pointer) []addr {
	return unsafe.Slice((*addr)(unsafe.Pointer(unsafe.SliceData(objs))), len(objs))
}

// pointers is slice for who copies them to pointers.
func (w words) pointers(i, n int) []Pointer {
	return unsafe.Slice((*Pointer)(unsafe.Pointer(w.at(uint32(i)))), n)
}

// slice returns n entries from number i on.
func (w words) slice(i, n int) []addr { return unsafe.Slice(w.at(uint32(i)), n) }
