// Package invariant holds the one constant that turns assertions on.
//
// A precondition is written on the first line of the function that has it:
//
//	if invariant.Enabled {
//		invariant.Check(c.mu.held(), "cache %s: mu not held", c.name)
//	}
//
// The constant condition lets the compiler drop both the test and its
// arguments. Invariant builds only look: they never change which path runs.
package invariant

import "fmt"

// Check panics with the formatted message when ok is false. Call it only under
// an if on [Enabled]; otherwise its arguments are evaluated for nothing.
func Check(ok bool, format string, args ...any) {
	if !ok {
		panic("invariant: " + fmt.Sprintf(format, args...))
	}
}
