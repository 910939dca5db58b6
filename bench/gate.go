// The gate at which the workers of a round start together.
//
// See doc.go for an overview.

package bench

import (
	"errors"
	"runtime"
	"sync/atomic"
)

// errBroken is what a worker at the gate panics with when another worker died
// before the gate could open. The round reports the other's panic.
var errBroken = errors.New("bench: a worker of this round failed before the start")

// spins is how often a waiter looks before it yields. A locked thread that
// yields pays for a thread switch, and one that never yields starves the
// worker it waits for when there are more workers than cores.
const spins = 200

// gate holds workers until all have come. It opens once.
type gate struct {
	waiting atomic.Int32 // workers still missing
	state   atomic.Int32 // shut, open or broken
	opened  func()       // runs in the last comer, before anybody passes
}

const (
	shut = iota
	open
	broken
)

func (g *gate) init(workers int, opened func()) {
	g.waiting.Store(int32(workers))
	g.opened = opened
}

// wait blocks until all workers are here. It panics with errBroken when the
// gate breaks, so that nobody waits for a worker that will never come.
func (g *gate) wait() {
	g.arrive()
	for i := 0; ; i++ {
		switch g.state.Load() {
		case open:
			return
		case broken:
			panic(errBroken)
		}
		if i%spins == spins-1 {
			runtime.Gosched()
		}
	}
}

// arrive is wait for who need not wait.
func (g *gate) arrive() {
	if g.waiting.Add(-1) == 0 {
		g.opened()
		g.state.CompareAndSwap(shut, open)
	}
}

// fail breaks a gate that is still shut.
func (g *gate) fail() { g.state.CompareAndSwap(shut, broken) }
