// A scenario that panics ends alone: its panic becomes an error with a reason.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"runtime/debug"

	"github.com/slabrcu/slabrcu/smp"
)

// PanicError says that a scenario died, and where.
type PanicError struct {
	Case  string // name of the case
	Value any    // what it panicked with
	Stack []byte // of the goroutine that panicked
}

// Error names the case and what it panicked with.
func (e *PanicError) Error() string {
	return fmt.Sprintf("%s: panic: %v", e.Case, e.Value)
}

// Unwrap returns the panic's value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// panicked turns a recovered value into an error. A worker's panic arrives
// wrapped, with the stack of the worker and not that of the caller, once for
// each CPU that ran the next.
func panicked(c *Case, v any) error {
	e := &PanicError{Case: c.Name(), Value: v, Stack: debug.Stack()}
	for {
		inner, ok := e.Value.(*smp.PanicError)
		if !ok {
			return e
		}
		e.Value, e.Stack = inner.Value, inner.Stack
	}
}
