//go:build (linux || darwin) && !race

// Guards where the system has no markers for them.

package mmap

// protectGuard gives the memory back and takes the permissions away.
func (r *Region) protectGuard(off, n uintptr) error {
	if err := r.sysDiscard(off, n); err != nil {
		return err
	}
	return r.sysProtect(off, n)
}
