// Steps 1, 2, 4 and 7 of the walk: from Run to the body and back. See doc.go.

package smp

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// Run starts n CPUs, calls body once on each, and returns when all bodies have
// returned and all CPUs are offline. While it runs GOMAXPROCS is at least the
// number of live CPUs + 1; the last Run to end restores it, unless somebody
// else has changed it since.
//
// A panic in a body or in a notification does not stop the other CPUs. When all
// have ended Run panics with the first of them as a *[PanicError]. A
// runtime.Goexit in a body, which is also what testing's FailNow is, counts as
// a panic with the value [ErrGoexit].
//
// Run blocks. Any goroutine may call it, also from inside a body. It panics when
// n is below 1 or when there would be more than [MaxCPUs] live CPUs.
func Run(n int, body func(*CPU)) {
	if n < 1 || body == nil {
		panic(fmt.Sprintf("smp: Run of %d CPUs, body given %v: want 1 CPU or more, and a body", n, body != nil))
	}
	r := run{body: body}
	for _, c := range cpus.bringUp(n) {
		r.running.Go(func() { r.cpu(c) })
	}
	r.running.Wait()
	if r.first != nil {
		panic(r.first)
	}
}

// Live returns the number of live CPUs of all Runs: those whose number is taken.
func Live() int { return int(cpus.live.Load()) }

// ErrGoexit is the Value of a [PanicError] when a body called runtime.Goexit.
var ErrGoexit = errors.New("runtime.Goexit in a body or notification")

// A PanicError is what [Run] panics with: the first panic on one of its CPUs.
type PanicError struct {
	CPU   int    // the ID of the CPU it happened on
	Value any    // what was given to panic, or ErrGoexit
	Stack []byte // the stack of the CPU at that moment, as runtime/debug.Stack
}

// Error tells the value and, below it, the stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("smp: panic on CPU %d: %v\n\n%s", e.CPU, e.Value, e.Stack)
}

// Unwrap returns the value when it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// run is one call of Run.
type run struct {
	body    func(*CPU) // constant
	running sync.WaitGroup

	mu    sync.Mutex
	first *PanicError // guarded by mu
}

// cpu is the life of one CPU. What must happen also after a panic or a Goexit is
// deferred.
//
// The thread goes back to the runtime when its mask does and all went well, which
// saves its end and the birth of the next one. Else it ends, locked, with what it has.
func (r *run) cpu(c *CPU) {
	runtime.LockOSThread()
	c.thread = threadID()
	var b binding
	c.hardware, c.affinity = b.bind(c.id)
	well := false
	defer func() {
		cpus.takeDown(c)
		if well && !c.failed && b.restore() {
			runtime.UnlockOSThread()
		}
	}()

	defer func() { r.offline(c, cpus.subscribers()) }()
	if r.online(c, cpus.subscribers()) {
		well = r.guard(c, func() { r.body(c) })
	}
}

// guard calls f and records its panic. It reports whether f returned; after a
// Goexit it does not return at all.
func (r *run) guard(c *CPU, f func()) (ok bool) {
	defer func() {
		if ok {
			return
		}
		c.failed = true
		v := recover()
		if v == nil {
			v = ErrGoexit
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.first == nil {
			r.first = &PanicError{CPU: c.id, Value: v, Stack: debug.Stack()}
		}
	}()
	f()
	return true
}
