// Steps 3 and 5 of the walk: who hears of CPUs that come and go. See doc.go.

package smp

import "slices"

// A Notifier keeps per-CPU state. Both methods are called on the CPU's own
// goroutine, bound and locked. They may block, and delay only that CPU.
type Notifier interface {
	// CPUOnline is called before the body.
	CPUOnline(c *CPU)
	// CPUOffline is called after the body, also when it panicked.
	CPUOffline(c *CPU)
}

// Subscribe makes n hear of CPUs that come and go from now on. CPUs that are
// live already are not announced, but their end is: state that n makes for a
// CPU by other means is drained like the rest.
//
// A CPU coming online calls subscribers in the order of their Subscribe, one
// going offline calls them in reverse. A panic of CPUOnline skips the body and
// the announcements after it; everyone hears CPUOffline all the same.
//
// cancel ends the subscription. When it returns, no notification of n is under
// way and none will follow, except when it is called from inside a
// notification: then it does not wait, as it would wait for itself. cancel may
// block for the time of a notification. Both may be called from any goroutine,
// cancel as often as one likes.
func Subscribe(n Notifier) (cancel func()) {
	if n == nil {
		panic("smp: Subscribe of a nil Notifier")
	}
	s := &subscription{to: n}
	cpus.add(s)
	return func() { cpus.cancel(s) }
}

type subscription struct {
	to        Notifier // constant
	cancelled bool     // guarded by registry.mu
	underway  int      // guarded by registry.mu: notifications now running
}

// online calls subs forwards until one fails, and reports whether none did.
func (r *run) online(c *CPU, subs []*subscription) bool {
	for _, s := range subs {
		if !r.notify(c, s, s.to.CPUOnline) {
			return false
		}
	}
	return true
}

// offline calls subs backwards. The rest is deferred, since one may panic or
// even end the goroutine.
func (r *run) offline(c *CPU, subs []*subscription) {
	if last := len(subs) - 1; last >= 0 {
		defer r.offline(c, subs[:last])
		r.notify(c, subs[last], subs[last].to.CPUOffline)
	}
}

// notify makes one call, unless s was cancelled meanwhile, and reports whether
// all is well.
func (r *run) notify(c *CPU, s *subscription, call func(*CPU)) (ok bool) {
	if !cpus.enter(c, s) {
		return true
	}
	defer cpus.leave(c, s)
	return r.guard(c, func() { call(c) })
}

func (r *registry) enter(c *CPU, s *subscription) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.cancelled {
		return false
	}
	s.underway++
	r.inside[c.thread] = true
	return true
}

func (r *registry) leave(c *CPU, s *subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.inside, c.thread)
	if s.underway--; s.underway == 0 {
		r.idle.Broadcast()
	}
}

// cancel waits for notifications under way. A CPU's thread is its own, so the
// calling thread tells whether the call comes from inside a notification. It is
// asked for under mu: before that, the caller's thread could still become a
// CPU's, with the caller gone to another.
func (r *registry) cancel(s *subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.cancelled = true
	r.subs = slices.DeleteFunc(slices.Clone(r.subs), func(x *subscription) bool { return x == s })
	if r.inside[threadID()] {
		return
	}
	for s.underway > 0 {
		r.idle.Wait()
	}
}
