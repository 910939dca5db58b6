// Off-heap words: writing to objects, and arrays of their addresses.
//
// See doc.go for an overview.

package bench

import (
	"unsafe"

	"github.com/slabrcu/slabrcu/kmem"
)

// touch writes the first word of an object. It inlines, and the write keeps
// the compiler and the machine from thinking the object away.
func touch(p unsafe.Pointer, v uint64) { *(*uint64)(p) = v }

// read reads the first word of an object.
func read(p unsafe.Pointer) uint64 { return *(*uint64)(p) }

// touchEnds writes two bytes of an object and reads one back.
func touchEnds(p unsafe.Pointer, size int) {
	b := bytesAt(p, size)
	b[0] = 1
	b[size-1] = b[0] + 1
}

// bytesAt returns the object as bytes.
func bytesAt(p unsafe.Pointer, size int) []byte { return unsafe.Slice((*byte)(p), size) }

// word is the address of an object off the Go heap, or 0. Arrays of words are
// written without write barriers and never scanned by the collector; the heap
// keeps the memory alive.
type word uintptr

func wordOf(p unsafe.Pointer) word { return word(uintptr(p)) }

// pointer returns the address in *w as a pointer.
func (w *word) pointer() unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(w)) }

// words returns the object at *w as words.
func (w *word) words(size int) []uint64 { return unsafe.Slice((*uint64)(w.pointer()), size/8) }

// array is a run of objects on the Go heap and their addresses. The addresses
// are good for as long as the array is.
type array struct {
	memory []uint64
	words  []word
}

func newArray(n, size int) *array {
	step := (size + 7) / 8
	a := &array{make([]uint64, n*step), make([]word, n)}
	for i := range a.words {
		a.words[i] = wordOf(unsafe.Pointer(&a.memory[i*step]))
	}
	return a
}

// fill allocates n objects and returns their addresses.
func fill(c *kmem.Cache, n int, alloc func() unsafe.Pointer) []word {
	objects := make([]word, n)
	for i := range objects {
		p := alloc()
		if p == nil {
			outOfMemory(c)
		}
		touch(p, uint64(i))
		objects[i] = wordOf(p)
	}
	return objects
}
