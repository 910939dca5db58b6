//go:build (linux || darwin) && !race

// The system calls that linux and darwin share.

package mmap

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// HeapBacked is true in the race lane, where regions come from Go's heap.
const HeapBacked = false

const reserveFlags = unix.MAP_PRIVATE | unix.MAP_ANON | unix.MAP_NORESERVE

// sysReserve maps BaseAlign too much and gives back both ends. That is the one
// munmap of this package: nobody has seen these addresses yet. An end that the
// system does not take stays reserved; it costs addresses and no memory.
func (r *Region) sysReserve() error {
	p, err := unix.MmapPtr(-1, 0, nil, r.size+BaseAlign, unix.PROT_NONE, reserveFlags)
	if err != nil {
		return err
	}
	head := -uintptr(p) % BaseAlign
	r.base = unsafe.Add(p, head)
	if head > 0 {
		unix.MunmapPtr(p, head)
	}
	if tail := BaseAlign - head; tail > 0 {
		unix.MunmapPtr(unsafe.Add(r.base, r.size), tail)
	}
	return nil
}

func (r *Region) sysCommit(off, n uintptr) error {
	return unix.Mprotect(r.bytes(off, n), unix.PROT_READ|unix.PROT_WRITE)
}

func (r *Region) sysProtect(off, n uintptr) error {
	return unix.Mprotect(r.bytes(off, n), unix.PROT_NONE)
}

// sysRetire maps a fresh reservation over the old one. One call takes the
// memory, the permissions and the split mappings away together. Where that is
// refused, two calls take the memory and the permissions.
func (r *Region) sysRetire() error {
	err := r.remap(0, r.size, unix.PROT_NONE)
	if err == nil {
		return nil
	}
	if top := r.top.Load(); top > 0 && r.sysDiscard(0, top) != nil {
		return err
	}
	if r.sysProtect(0, r.size) != nil {
		return err
	}
	return nil
}

func (r *Region) remap(off, n uintptr, prot int) error {
	_, err := unix.MmapPtr(-1, 0, unsafe.Add(r.base, off), n, prot, reserveFlags|unix.MAP_FIXED)
	return err
}
