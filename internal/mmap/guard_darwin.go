//go:build darwin && !race

// Guards by protection: darwin has no markers.

package mmap

// GuardsAreCheap reports whether a guard costs no mapping.
func GuardsAreCheap() bool { return false }

func (r *Region) sysGuard(off, n uintptr) error { return r.protectGuard(off, n) }

func (r *Region) sysUnguard(off, n uintptr) error { return r.sysCommit(off, n) }
