//go:build (linux || darwin) && !race

// Low addresses by asking for them one range after another. See below.go.

package mmap

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	belowFloor = 16 << 20 // nothing is asked for under it: there are programs
	belowTries = 256
)

// sysReserveBelow asks for ranges from the limit down. The flag makes the system
// refuse a range that is in use; where it is not known, the range is a hint, and
// what comes instead is given back, unseen.
func (r *Region) sysReserveBelow(limit uintptr) error {
	step := max(roundUp(limit/belowTries, BaseAlign), BaseAlign)
	for at := roundDown(limit-r.size, BaseAlign); at >= belowFloor; at -= step {
		want := unsafe.Add(unsafe.Pointer(nil), at)
		p, err := unix.MmapPtr(-1, 0, want, r.size, unix.PROT_NONE, reserveFlags|fixedNoReplace)
		if err == nil && p == want {
			r.base = p
			return nil
		}
		if err == nil {
			if err := unix.MunmapPtr(p, r.size); err != nil {
				return err
			}
		}
		if at < step {
			break
		}
	}
	return errNotBelow
}
