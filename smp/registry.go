// Steps 1 and 6 of the walk: which numbers are taken. See doc.go.

package smp

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// cpus is the registry of the process.
var cpus = newRegistry()

type registry struct {
	live atomic.Int32 // written under mu

	mu    sync.Mutex
	taken [MaxCPUs]bool   // guarded by mu
	procs procs           // guarded by mu
	subs  []*subscription // guarded by mu; replaced, never changed in place

	inside map[int]bool // guarded by mu: threads of CPUs that are notifying
	idle   *sync.Cond   // on mu: a subscription has no notification under way
}

func newRegistry() *registry {
	r := &registry{inside: map[int]bool{}}
	r.idle = sync.NewCond(&r.mu)
	return r
}

// bringUp takes the n smallest free numbers, all or none, and Ps for them.
func (r *registry) bringUp(n int) []*CPU {
	r.mu.Lock()
	defer r.mu.Unlock()
	live := int(r.live.Load())
	if n > MaxCPUs-live {
		panic(fmt.Sprintf("smp: Run of %d CPUs beside %d live ones: at most %d can live", n, live, MaxCPUs))
	}
	up := make([]*CPU, 0, n)
	for id := 0; len(up) < n; id++ {
		if !r.taken[id] {
			r.taken[id] = true
			up = append(up, &CPU{id: id, hardware: -1})
		}
	}
	r.live.Store(int32(live + n))
	r.procs.raise(live + n + 1)
	return up
}

// takeDown frees the number. The last CPU of all gives the Ps back.
func (r *registry) takeDown(c *CPU) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken[c.id] = false
	if r.live.Add(-1) == 0 {
		r.procs.restore()
	}
}

// subscribers returns the list as it is now; it is not changed later.
func (r *registry) subscribers() []*subscription {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.subs
}

func (r *registry) add(s *subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subs = append(slices.Clip(r.subs), s)
}
