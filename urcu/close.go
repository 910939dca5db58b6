// Close: the end of a domain.

package urcu

import (
	"fmt"
	"runtime"
	"strings"
	"time"
)

// A BusyError is why Close refuses: readers are still registered.
type BusyError struct {
	Domain  string
	Readers []string // their names
}

// Error names the domain and the readers.
func (e *BusyError) Error() string {
	return fmt.Sprintf("urcu: Close of domain %q: %d readers are registered: %s", e.Domain, len(e.Readers), strings.Join(e.Readers, ", "))
}

// Close ends the domain: it waits until all callbacks have run and leaves no
// goroutine behind. Later Calls panic. It returns a *BusyError and changes
// nothing while readers are registered, and an error that wraps [ErrClosed] the
// second time. It blocks, and waits for open sections; not inside one. It panics
// for the default domain, which belongs to everybody.
func (d *Domain) Close() error {
	if d.permanent {
		panic("urcu: Close of the default domain")
	}
	if err := d.shut(); err != nil {
		return err
	}
	for d.spillers.Load() != 0 {
		runtime.Gosched()
	}
	// Taking each token once lets every Call under way end; see enqueue.
	for i := range d.queues {
		q := &d.queues[i]
		d.own(q)
		q.release()
	}
	d.unsubscribe()
	for d.pendingCallbacks() != 0 {
		d.Barrier()
	}
	d.back.stop.Store(true)
	d.back.kick(urgent)
	var p pace
	for d.back.alive.Load() != 0 {
		if !p.pause() {
			time.Sleep(shortTick)
		}
	}
	return nil
}

// shut sets closed, unless readers are registered. Registration looks at closed
// under the same lock.
func (d *Domain) shut() error {
	g := &d.registry
	g.mu.Lock()
	defer g.mu.Unlock()
	if d.closed.Load() != 0 {
		return fmt.Errorf("urcu: Close of domain %q: %w", d.name, ErrClosed)
	}
	busy := &BusyError{Domain: d.name}
	for r := range g.all() {
		if r.state == recordLive {
			busy.Readers = append(busy.Readers, r.name)
		} else if r.inside() {
			busy.Readers = append(busy.Readers, r.name+" (leaked inside a section)")
		}
	}
	if len(busy.Readers) > 0 {
		return busy
	}
	d.closed.Store(1)
	return nil
}
