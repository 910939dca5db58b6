// Counters of several events over several threads. See doc.go for an overview.

package perfevent

import (
	"errors"
	"fmt"
)

// Scope says whose events are counted.
type Scope int

const (
	// Thread is the calling thread. The goroutine must be locked to it for as long
	// as it counts.
	Thread Scope = iota
	// Process is all threads of the process, those that are made later too. A thread
	// that is made while Open runs may be missed.
	Process
)

// Counters count some events. They are not safe for concurrent use; with the
// scope Process any goroutine may use them, one at a time.
type Counters struct {
	events []Event
	fds    [][]int // by event, one for each thread
}

// Open makes counters that are switched off. It opens all events or none; its
// error names the event and wraps the system's, or [errors.ErrUnsupported].
func Open(s Scope, events ...Event) (*Counters, error) {
	threads, err := s.threads()
	if err != nil {
		return nil, err
	}
	c := &Counters{events: events, fds: make([][]int, len(events))}
	for i, e := range events {
		for _, t := range threads {
			fd, err := open(e, t, s == Process)
			if errors.Is(err, errGone) {
				continue
			}
			if err != nil {
				return nil, errors.Join(fmt.Errorf("perf_event_open %s: %w", e, err), c.Close())
			}
			c.fds[i] = append(c.fds[i], fd)
		}
	}
	return c, nil
}

// Enable switches the counters on.
func (c *Counters) Enable() error { return c.each("enable", enable) }

// Disable switches the counters off. What they counted stays.
func (c *Counters) Disable() error { return c.each("disable", disable) }

func (c *Counters) each(what string, do func(fd int) error) error {
	for i, fds := range c.fds {
		for _, fd := range fds {
			if err := do(fd); err != nil {
				return fmt.Errorf("perf event %s: %s: %w", c.events[i], what, err)
			}
		}
	}
	return nil
}

// Count is what was counted of one event. When the events took turns, N is
// scaled up to the whole time and Share is below 1. A Share of 0 says that the
// event never had its turn: N is unknown.
type Count struct {
	Event Event
	N     float64
	Share float64
}

// Read returns one count for each event, in the order of Open.
func (c *Counters) Read() ([]Count, error) {
	out := make([]Count, len(c.events))
	for i, e := range c.events {
		var enabled, running uint64
		n := 0.0
		for _, fd := range c.fds[i] {
			r, err := read(fd)
			if err != nil {
				return nil, fmt.Errorf("perf event %s: read: %w", e, err)
			}
			enabled += r.enabled
			running += r.running
			n += r.scaled()
		}
		share := 1.0 // of a thread that never ran
		if enabled > 0 {
			share = float64(running) / float64(enabled)
		}
		out[i] = Count{e, n, share}
	}
	return out, nil
}

// reading is what the kernel tells of one counter: its value, and for how many
// nanoseconds it was wanted and was counting.
type reading struct{ value, enabled, running uint64 }

// scaled is the value over the whole time.
func (r reading) scaled() float64 {
	if r.running == 0 {
		return 0
	}
	return float64(r.value) * float64(r.enabled) / float64(r.running)
}

// Close ends the counting. A second call does nothing.
func (c *Counters) Close() error {
	var errs []error
	for _, fds := range c.fds {
		for _, fd := range fds {
			errs = append(errs, closeEvent(fd))
		}
	}
	c.fds = make([][]int, len(c.events))
	return errors.Join(errs...)
}
