// Cookies: grace periods that are asked for instead of waited for.

package urcu

import (
	"context"
	"fmt"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// A Cookie names a grace period of one domain. The zero Cookie names one that
// has long ended.
type Cookie uint64

// StartPoll asks for a grace period and returns at once; legal in sections.
// What was unpublished before the call may be reused when Poll says so.
func (d *Domain) StartPoll() Cookie {
	t := d.tag()
	d.want(t)
	return Cookie(t)
}

// want makes the backstop complete t when nobody else does.
func (d *Domain) want(t uint64) {
	if d.closed.Load() != 0 {
		return
	}
	w := &d.back.wanted
	for {
		old := w.Load()
		if old != 0 && reached(old, t) {
			return
		}
		if w.CompareAndSwap(old, t) {
			d.back.kick(prompt)
			return
		}
	}
}

// Poll reports whether c's grace period has ended. It may take a step towards
// that; it never blocks and is legal in sections.
func (d *Domain) Poll(c Cookie) bool {
	return c == 0 || d.done(uint64(c)) || d.step(uint64(c), false)
}

// WaitCookie waits until c's grace period has ended or ctx does; then its error
// wraps the cause of ctx. It blocks like Synchronize.
func (d *Domain) WaitCookie(ctx context.Context, c Cookie) error {
	if c == 0 {
		return nil
	}
	if invariant.Enabled {
		d.checkMayWait("WaitCookie")
	}
	if err := d.wait(ctx, uint64(c)); err != nil {
		return fmt.Errorf("urcu: WaitCookie in domain %q: %w", d.name, err)
	}
	return nil
}
