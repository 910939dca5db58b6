//go:build race

// The race lane: nothing can be made to fault, so a guard is a discard.

package mmap

// GuardsAreCheap reports whether a guard costs no mapping.
func GuardsAreCheap() bool { return true }

func (r *Region) sysGuard(off, n uintptr) error { return r.sysDiscard(off, n) }

func (r *Region) sysUnguard(off, n uintptr) error { return nil }
