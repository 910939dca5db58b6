//go:build invariants

package urcu

// See limits.go.
const (
	tidyEvery  = 8
	neighbours = 1
	maxDue     = 3
	leaseAfter = 2
	slice      = 2
	bigSlice   = 5
)
