// Defer: Go closures through the same queues. See doc.go, "Callbacks".

package urcu

import "sync"

// A closure carries a Go function value through the queues. The links between
// heads hide it from the collector, so the domain's set keeps it reachable.
type closure struct {
	head       Head // first: closureOf
	fn         func()
	set        *closures
	prev, next *closure
}

// closures is a ring of those that are queued.
type closures struct {
	mu   sync.Mutex
	ring closure
}

func (s *closures) init() { s.ring.prev, s.ring.next = &s.ring, &s.ring }

func (d *Domain) newClosure(fn func()) *closure {
	s := &d.closures
	c := &closure{fn: fn, set: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.prev, c.next = s.ring.prev, &s.ring
	c.prev.next, s.ring.prev = c, c
	return c
}

var runClosure = NewCallback("urcu.Defer", func(h *Head) {
	c := closureOf(h)
	c.set.mu.Lock()
	c.prev.next, c.next.prev = c.next, c.prev
	c.set.mu.Unlock()
	c.fn()
})

// Defer runs fn after a grace period, under the rules of [NewCallback]. It
// allocates and takes a short lock; Call does neither. It panics when fn is nil
// and after Close. Callbacks may Defer again.
func (d *Domain) Defer(fn func()) {
	if fn == nil {
		panic("urcu: domain \"" + d.name + "\": Defer of a nil function")
	}
	if d.closed.Load() != 0 {
		panic("urcu: domain \"" + d.name + "\": Defer after Close")
	}
	d.Call(&d.newClosure(fn).head, runClosure)
}
