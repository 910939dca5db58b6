//go:build race

package mmap

import (
	"errors"
	"fmt"
)

func (r *Region) sysReserveBelow(uintptr) error {
	return fmt.Errorf("regions come from Go's heap in the race lane: %w", errors.ErrUnsupported)
}
