// Waiting for a grace period, alone or in company. See doc.go, "Leaders".

package urcu

import (
	"context"
	"fmt"
)

// Synchronize waits for a grace period: every section that was open at the call
// has ended when it returns. Callers that arrive while a grace period is under
// way share the next one. It blocks; not inside a section, not in a callback,
// and not by the owner of an online QSBR reader (see QSBRReader.Synchronize).
func (d *Domain) Synchronize() {
	d.await(context.Background(), d.tag(), false)
}

// SynchronizeContext is Synchronize until ctx ends. Its error wraps the cause of
// ctx; a grace period that is under way goes on for others.
func (d *Domain) SynchronizeContext(ctx context.Context) error {
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
	d.await(context.Background(), d.tag(), true)
}

// await returns when tag t is done: it leads, or follows somebody who does. Its
// error is the cause of ctx.
func (d *Domain) await(ctx context.Context, t uint64, hurry bool) error {
	for !d.done(t) {
		var err error
		if d.grace.tryLead() {
			err = d.lead(ctx, t, hurry)
			d.grace.release(d)
		} else {
			err = d.follow(ctx, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow waits until t is done or the lead may be free.
func (d *Domain) follow(ctx context.Context, t uint64) error {
	var p pace
	for p.pause() {
		if d.done(t) || d.grace.lead.Load() == 0 {
			return nil
		}
	}
	f := d.crowd.join(t)
	defer d.crowd.leave(f)
	// The crowd's size is raised, now look again: a leader lets go first and then
	// looks at the size. Both are atomics; one of us sees the other.
	if d.done(t) || d.grace.lead.Load() == 0 {
		return nil
	}
	select {
	case <-f.ch:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
