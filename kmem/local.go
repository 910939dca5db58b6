// Array caches with an owner that stays: the handles of emulated CPUs. Stops 1
// and 6 of the walk in doc.go start here.

package kmem

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// Local is the array cache that an emulated CPU has in a cache. Its methods
// are for that CPU's goroutine alone; Alloc and Free take no lock and no atomic
// while the array has objects, or room.
//
// The busy and stolen words let others drain the array; drain.go has the
// protocol and its argument. The type is defined, and does not embed, because
// each level of embedding counts against the inlining of Alloc.
type Local arrayCache

func (l *Local) array() *arrayCache { return (*arrayCache)(l) }

// On returns the handle of a CPU, the same each time. It is drained and gone
// when the CPU goes offline. It panics after Destroy.
func (c *Cache) On(cpu *smp.CPU) *Local {
	c.owners.Lock()
	defer c.owners.Unlock()
	if c.dead() {
		c.usedAfterDestroy("On")
	}
	id := cpu.ID()
	for len(c.locals) <= id {
		c.locals = append(c.locals, nil)
	}
	l := c.locals[id]
	if l == nil {
		l = &Local{cpu: id}
		l.array().bind(c, id)
		if !urcu.HasHeavyFence() {
			l.stolen = stolenFenced
		}
		c.locals[id] = l
	}
	return l
}

// CPUOnline is part of the heap's subscription to CPUs that come and go. A
// CPU's handles appear when they are asked for.
func (h *Heap) CPUOnline(*smp.CPU) {}

// CPUOffline drains the handles of a CPU that goes away, on its own goroutine, and
// with a cache's last one what is shared.
func (h *Heap) CPUOffline(cpu *smp.CPU) {
	for _, c := range h.list() {
		c.cpuOffline(cpu.ID())
	}
}

func (c *Cache) cpuOffline(id int) {
	c.owners.Lock()
	if id >= len(c.locals) || c.locals[id] == nil || c.dead() {
		c.owners.Unlock()
		return
	}
	l := c.locals[id]
	c.locals[id] = nil
	atomic.StoreUint32(&l.stolen, stolenGone) // whoever keeps the handle is told,
	l.divide.span = 0                         // also by a Free, which hot slots would do for
	var v victims
	twice := max(c.empty(l.array(), &v), c.emptyHot(l.array(), &v))
	if !slices.ContainsFunc(c.locals, func(l *Local) bool { return l != nil }) {
		twice = max(twice, c.emptyShared(&v))
	}
	c.owners.Unlock()
	c.afterFree(v, twice)
}

// Flush gives all objects at hand back to the slabs. Only the goroutine that is
// the handle's CPU may call it, before a Shrink that is to leave nothing behind,
// say.
func (l *Local) Flush() {
	l.enter("Flush")
	var v victims
	twice := max(l.cache.empty(l.array(), &v), l.cache.emptyHot(l.array(), &v))
	l.leave()
	l.cache.afterFree(v, twice)
}

// gone panics over the use of a handle whose CPU went offline.
func (l *Local) gone(op string) {
	panic(fmt.Sprintf("kmem: %s by the handle of CPU %d in cache %q: that CPU is offline; handles are for its own goroutine, while it runs", op, l.cpu, l.cache.name))
}
