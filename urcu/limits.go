//go:build !invariants

// Limits: how much of something is done at once. Invariant builds have the
// smallest that work, so that tests meet them often.

package urcu

const (
	tidyEvery  = 1024 // grace periods between two that forget empty lines of words
	neighbours = 7    // further queues that a Call tries before it spills
	maxDue     = 96   // Calls between two tends of a queue
	leaseAfter = 64   // sections of a home between two looks at who enters them
	slice      = 128  // callbacks that run in one go
	bigSlice   = 1024 // the same above HighMark
)
