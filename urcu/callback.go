// Callbacks: functions known by number, since off-heap memory can hold no
// function value. See doc.go, "Heads".

package urcu

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// A Callback is the number of a function given to [NewCallback]. Zero is none.
type Callback uint32

type callbackEntry struct {
	name string
	fn   func(*Head)
}

var callbacks struct {
	mu    sync.Mutex
	table atomic.Pointer[[]callbackEntry] // replaced under mu; entry 0 is never used
}

// NewCallback registers fn for the life of the process and returns its number.
// Call it from the initialisers of package variables. The name appears in
// panics. It may be called by any goroutine; it panics when fn is nil.
//
// fn runs on whatever goroutine drives the domain: one inside Call, Drive,
// QuiescentState or Barrier, or the domain's own. It must not block, must not
// wait for a grace period, and must not take a lock that is held across Call.
// It may Call again.
func NewCallback(name string, fn func(*Head)) Callback {
	if fn == nil {
		panic(fmt.Sprintf("urcu: NewCallback(%q): function is nil", name))
	}
	callbacks.mu.Lock()
	defer callbacks.mu.Unlock()
	old := callbacks.table.Load()
	if old == nil {
		old = &[]callbackEntry{{name: "none"}}
	}
	grown := append((*old)[:len(*old):len(*old)], callbackEntry{name, fn})
	callbacks.table.Store(&grown)
	return Callback(len(grown) - 1)
}

// String returns the name given to NewCallback.
func (c Callback) String() string {
	t := callbacks.table.Load()
	if t == nil || int(c) >= len(*t) {
		return fmt.Sprintf("Callback(%d)", uint32(c))
	}
	return (*t)[c].name
}

// check panics when the number is not one of NewCallback's.
func (c Callback) check(d *Domain) {
	t := callbacks.table.Load()
	if c == 0 || t == nil || int(c) >= len(*t) {
		panic(fmt.Sprintf("urcu: domain %q: Call with callback %d, which no NewCallback returned", d.name, uint32(c)))
	}
}
