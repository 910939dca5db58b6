//go:build linux && !race

// The system calls that linux has alone.

package mmap

import (
	"errors"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysDiscard: on linux MADV_DONTNEED drops anonymous pages at once, and the
// next touch finds zeros.
func (r *Region) sysDiscard(off, n uintptr) error {
	return unix.Madvise(r.bytes(off, n), unix.MADV_DONTNEED)
}

// sysAdvise: a kernel without huge pages answers EINVAL.
func (r *Region) sysAdvise(off, n uintptr, huge HugePages) error {
	advice := unix.MADV_HUGEPAGE
	if huge == HugeNever {
		advice = unix.MADV_NOHUGEPAGE
	}
	err := unix.Madvise(r.bytes(off, n), advice)
	if err == unix.EINVAL {
		return errors.ErrUnsupported
	}
	return err
}

// sysPopulate: a kernel before 5.14 answers EINVAL, and one without memory ENOMEM.
func (r *Region) sysPopulate(off, n uintptr) {
	_ = unix.Madvise(r.bytes(off, n), unix.MADV_POPULATE_WRITE)
}

// sysResident asks mincore about everything that was ever committed.
func (r *Region) sysResident() (uintptr, error) {
	const chunk = 64 << 20
	vec := make([]byte, chunk/PageSize)
	var pages uintptr
	for off, top := uintptr(0), r.top.Load(); off < top; off += chunk {
		n := min(chunk, top-off)
		_, _, errno := unix.Syscall(unix.SYS_MINCORE,
			uintptr(unsafe.Add(r.base, off)), n, uintptr(unsafe.Pointer(&vec[0])))
		if errno != 0 {
			return 0, errno
		}
		for _, v := range vec[:n/sysPage] {
			pages += uintptr(v & 1)
		}
	}
	return pages * sysPage, nil
}

// sysName ignores the answer: kernels before 5.17, or built without it, do not
// know the call.
func (r *Region) sysName(s string) {
	name := make([]byte, 0, 80) // the kernel's limit, with the final 0
	for _, c := range []byte(s[:min(len(s), 79)]) {
		if c < ' ' || c > '~' || strings.IndexByte("[]\\$`", c) >= 0 {
			c = '_'
		}
		name = append(name, c)
	}
	name = append(name, 0)
	unix.Syscall6(unix.SYS_PRCTL, unix.PR_SET_VMA, unix.PR_SET_VMA_ANON_NAME,
		uintptr(r.base), r.size, uintptr(unsafe.Pointer(&name[0])), 0)
}
