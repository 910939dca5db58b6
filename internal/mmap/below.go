// Reservations at low addresses, for devices that know 32 bits. What the system
// does is in below_unix.go, what the race lane does in below_race.go.

package mmap

import (
	"errors"
	"fmt"
)

// ReserveBelow is [Reserve] of addresses that all lie below limit. Where the
// system has no such range free, or never has any, as darwin below 4 GiB and the
// race lane, the error says so; it wraps errors.ErrUnsupported.
func ReserveBelow(size, limit uintptr) (*Region, error) {
	rounded := roundUp(size, max(sysPage, BaseAlign))
	if size == 0 || rounded < size || rounded > limit {
		return nil, fmt.Errorf("mmap: reserve %#x bytes below %#x: size must be above 0 and fit below the limit", size, limit)
	}
	r := &Region{size: rounded}
	if err := r.sysReserveBelow(limit); err != nil {
		return nil, fmt.Errorf("mmap: reserve %#x bytes below %#x: %w", size, limit, err)
	}
	return r, nil
}

// errNotBelow is what a system answers that gives other addresses only.
var errNotBelow = fmt.Errorf("no free range of addresses there: %w", errors.ErrUnsupported)
