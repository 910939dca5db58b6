//go:build linux && !race

// Guard markers: page table entries that fault, since Linux 6.13. Older kernels
// take a change of protection instead.

package mmap

import (
	"sync"

	"golang.org/x/sys/unix"
)

// The advice values are newer than the library's tables.
const (
	madvGuardInstall = 102
	madvGuardRemove  = 103
)

// GuardsAreCheap reports whether a guard costs no mapping.
func GuardsAreCheap() bool { return guardMarkers() }

// guardMarkers asks the kernel once, with a page that it then gives back: this
// page was seen by nobody.
var guardMarkers = sync.OnceValue(func() bool {
	p, err := unix.MmapPtr(-1, 0, nil, sysPage, unix.PROT_READ|unix.PROT_WRITE, reserveFlags)
	if err != nil {
		return false
	}
	defer unix.MunmapPtr(p, sysPage)
	r := Region{base: p, size: sysPage}
	return unix.Madvise(r.bytes(0, sysPage), madvGuardInstall) == nil
})

func (r *Region) sysGuard(off, n uintptr) error {
	if guardMarkers() {
		return unix.Madvise(r.bytes(off, n), madvGuardInstall)
	}
	return r.protectGuard(off, n)
}

func (r *Region) sysUnguard(off, n uintptr) error {
	if guardMarkers() {
		return unix.Madvise(r.bytes(off, n), madvGuardRemove)
	}
	return r.sysCommit(off, n)
}
