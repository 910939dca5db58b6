// Huge pages: what a heap asks the system for, per chunk of pages.

package kmem

import (
	"fmt"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

// HugePages is whether the system shall back a heap with huge pages (transparent
// huge pages on linux). They spare faults and entries of the TLB, and cost
// memory: the first touch of a page makes its 2 MiB resident, beyond what
// [HeapStats] can see.
type HugePages uint8

const (
	// HugePagesSystem leaves it to the system.
	HugePagesSystem HugePages = iota
	// HugePagesAlways asks for huge pages.
	HugePagesAlways
	// HugePagesNever asks for single pages.
	HugePagesNever
)

var hugePagesNames = [...]string{"system", "always", "never"}

// String returns the name: system, always, never.
func (p HugePages) String() string {
	if int(p) < len(hugePagesNames) {
		return hugePagesNames[p]
	}
	return fmt.Sprintf("HugePages(%d)", uint8(p))
}

// MarshalText returns the name; an unknown value is an error.
func (p HugePages) MarshalText() ([]byte, error) {
	if int(p) >= len(hugePagesNames) {
		return nil, fmt.Errorf("kmem: %v: legal are system, always, never", p)
	}
	return []byte(p.String()), nil
}

// UnmarshalText reads a name. It leaves p alone on error.
func (p *HugePages) UnmarshalText(text []byte) error {
	for i, name := range hugePagesNames {
		if name == string(text) {
			*p = HugePages(i)
			return nil
		}
	}
	return fmt.Errorf("kmem: unknown huge pages %q; legal are system, always, never", text)
}

// advice is what the page allocator asks for.
func (p HugePages) advice() mmap.HugePages {
	return [...]mmap.HugePages{mmap.HugeSystem, mmap.HugeAlways, mmap.HugeNever}[p]
}

// HugePagesError tells why the system did not take the wish of
// [HeapOptions].HugePages, nil when it did or was not asked yet: it is asked
// for each chunk of 4 MiB when that comes into use. The heap works all the same.
// Any goroutine may call it.
func (h *Heap) HugePagesError() error {
	h.buddy.mu.Lock()
	defer h.buddy.mu.Unlock()
	return h.buddy.hugeErr
}
