// Raw views of objects for the checks of debug.go and guard.go.

package kmem

import "unsafe"

// bytesAt returns the n bytes at p.
func bytesAt(p Pointer, n int) []byte { return unsafe.Slice((*byte)(p), n) }

// bytes returns the n bytes at offset off of the heap.
func (h *Heap) bytes(off uintptr, n int) []byte { return bytesAt(h.at(off), n) }

// word returns the word at offset off of the heap, which is aligned.
func (h *Heap) word(off uintptr) *uint64 { return (*uint64)(h.at(off)) }

// trackBytes is the size of a track.
const trackBytes = int(unsafe.Sizeof(track{}))

// track returns record i of the table of tracks at offset off.
func (h *Heap) track(off uintptr, i uint32) *track {
	return (*track)(unsafe.Add(h.at(off), uintptr(i)*unsafe.Sizeof(track{})))
}

// address is an address as a number, for reports.
func address(p Pointer) uintptr { return uintptr(p) }
