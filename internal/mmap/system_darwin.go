//go:build darwin && !race

// The system calls that darwin has alone, and what it lacks.

package mmap

import (
	"errors"

	"golang.org/x/sys/unix"
)

// sysDiscard: darwin's MADV_DONTNEED is a hint that keeps the contents. Fresh
// pages over the range are zero and take the old ones away.
func (r *Region) sysDiscard(off, n uintptr) error {
	return r.remap(off, n, unix.PROT_READ|unix.PROT_WRITE)
}

func (r *Region) sysResident() (uintptr, error) { return 0, errors.ErrUnsupported }

func (r *Region) sysAdvise(off, n uintptr, huge HugePages) error { return errors.ErrUnsupported }

func (r *Region) sysPopulate(off, n uintptr) {}

func (r *Region) sysName(string) {}
