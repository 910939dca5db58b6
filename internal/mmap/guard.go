// Guards: pages that fault, without a mapping for each. The system's side is in
// guard_linux.go and its neighbours.

package mmap

// Guard makes every access to [off, off+n) fault until [Region.Unguard], and
// gives the memory of the range back. The range must be committed. Where the
// system has guard markers ([GuardsAreCheap]) this splits no mapping; elsewhere
// each guarded range costs up to two of the process's mappings, and the caller
// must bound how many there are. A range that is not a whole number of
// [GuardUnit] is guarded as far as whole units reach. Where [HeapBacked] the
// range is cleared and nothing faults.
func (r *Region) Guard(off, n uintptr) error {
	p := r.check("guard", off, n)
	lo, hi := roundUp(off, sysPage), roundDown(off+n, sysPage)
	if lo >= hi {
		clear(r.bytes(off, n))
		return nil
	}
	if err := r.sysGuard(lo, hi-lo); err != nil {
		return failed("guard", p, n, err)
	}
	return nil
}

// Unguard makes [off, off+n) accessible again, whether it was guarded or not.
// What was guarded reads 0.
func (r *Region) Unguard(off, n uintptr) error {
	p := r.check("unguard", off, n)
	lo, hi := roundUp(off, sysPage), roundDown(off+n, sysPage)
	if lo >= hi {
		return nil
	}
	if err := r.sysUnguard(lo, hi-lo); err != nil {
		return failed("unguard", p, n, err)
	}
	return nil
}

// GuardUnit is the smallest range that can be made to fault, in bytes: the
// system's page.
func GuardUnit() uintptr { return sysPage }
