// Waiting for a grace period, alone or in company. See doc.go, "Leaders".

package urcu

import (
	"context"
	"fmt"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// Synchronize waits for a grace period: every section that was open at the call
// has ended when it returns. Callers that arrive while a grace period is under
// way share the next one. It blocks; not inside a section, not in a callback,
// and not by the owner of an online QSBR reader (see QSBRReader.Synchronize).
func (d *Domain) Synchronize() {
	if invariant.Enabled {
		d.checkMayWait("Synchronize")
	}
	d.await(context.Background(), d.tag(), false)
}

// SynchronizeContext is Synchronize until ctx ends. Its error wraps the cause of
// ctx; a grace period that is under way goes on for others.
func (d *Domain) SynchronizeContext(ctx context.Context) error {
	if invariant.Enabled {
		d.checkMayWait("SynchronizeContext")
	}
	if err := d.wait(ctx, d.tag()); err != nil {
		return fmt.Errorf("urcu: SynchronizeContext in domain %q: %w", d.name, err)
	}
	return nil
}

func (d *Domain) wait(ctx context.Context, t uint64) error {
	if d.done(t) {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return d.await(ctx, t, false)
}

// SynchronizeExpedited is Synchronize for the impatient: with Memb readers it
// calls membarrier at once instead of waiting for acknowledgements first. It
// disturbs every running thread of the process.
func (d *Domain) SynchronizeExpedited() {
	if invariant.Enabled {
		d.checkMayWait("SynchronizeExpedited")
	}
	d.await(context.Background(), d.tag(), true)
}
