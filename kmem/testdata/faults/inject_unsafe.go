//go:build linux && !race

// What faults_test.go of package kmem adds to this package for one build: system
// calls that fail when they are told to, and a record of what was mapped.

package mmap

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Faults says which of the package's system calls fail: those from number From
// on, and before number To, counted from 1.
var Faults struct{ From, To, Calls, Failed atomic.Int64 }

// Mapped are the ranges that the package got from the system.
var Mapped struct {
	sync.Mutex
	Ranges [][2]uintptr
}

func refused() bool {
	n := Faults.Calls.Add(1)
	if n < Faults.From.Load() || n >= Faults.To.Load() {
		return false
	}
	Faults.Failed.Add(1)
	return true
}

func injectMmapPtr(fd int, off int64, at unsafe.Pointer, n uintptr, prot, flags int) (unsafe.Pointer, error) {
	if refused() {
		return nil, unix.ENOMEM
	}
	p, err := unix.MmapPtr(fd, off, at, n, prot, flags)
	if err == nil {
		Mapped.Lock()
		Mapped.Ranges = append(Mapped.Ranges, [2]uintptr{uintptr(p), uintptr(p) + n})
		Mapped.Unlock()
	}
	return p, err
}

func injectMunmapPtr(p unsafe.Pointer, n uintptr) error {
	if refused() {
		return unix.ENOMEM
	}
	err := unix.MunmapPtr(p, n)
	if err == nil {
		forget(uintptr(p), uintptr(p)+n)
	}
	return err
}

// forget takes a range off the record.
func forget(from, to uintptr) {
	Mapped.Lock()
	defer Mapped.Unlock()
	var left [][2]uintptr
	for _, r := range Mapped.Ranges {
		if lo, hi := r[0], min(r[1], from); lo < hi {
			left = append(left, [2]uintptr{lo, hi})
		}
		if lo, hi := max(r[0], to), r[1]; lo < hi {
			left = append(left, [2]uintptr{lo, hi})
		}
	}
	Mapped.Ranges = left
}

func injectMprotect(b []byte, prot int) error {
	if refused() {
		return unix.ENOMEM
	}
	return unix.Mprotect(b, prot)
}

func injectMadvise(b []byte, advice int) error {
	if refused() {
		return unix.ENOMEM
	}
	return unix.Madvise(b, advice)
}
