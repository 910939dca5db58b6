//go:build race

// The race lane: a region is one block of Go's heap, which the race detector
// can see into. Nothing here is a system call.

package mmap

import (
	"errors"
	"unsafe"
)

// HeapBacked is true in the race lane, where regions come from Go's heap.
const HeapBacked = true

func (r *Region) sysReserve() error {
	r.size = min(r.size, MaxHeapBacked)
	p := unsafe.Pointer(unsafe.SliceData(make([]byte, r.size+BaseAlign)))
	r.base = unsafe.Add(p, -uintptr(p)%BaseAlign)
	return nil
}

func (r *Region) sysCommit(off, n uintptr) error  { return nil }
func (r *Region) sysProtect(off, n uintptr) error { return nil }

func (r *Region) sysDiscard(off, n uintptr) error {
	clear(r.bytes(off, n))
	return nil
}

func (r *Region) sysRetire() error {
	clear(r.bytes(0, r.top.Load()))
	return nil
}

func (r *Region) sysResident() (uintptr, error) { return 0, errors.ErrUnsupported }

func (r *Region) sysAdvise(off, n uintptr, huge HugePages) error { return errors.ErrUnsupported }

func (r *Region) sysPopulate(off, n uintptr) {}

func (r *Region) sysName(string) {}
