// The end of a guarded sample: recognised, checked, and made to fault. See
// guard.go.

package kmem

import (
	"bytes"
	"sync/atomic"
)

// freeObject frees obj if it is a guarded object of c. No lock is held.
func (g *guardPool) freeObject(c *Cache, obj addr) bool {
	off := g.h.offsetOf(obj)
	i := g.find(off)
	if i < 0 || atomic.LoadUint32(&g.h.page(off>>pageShift).owner) != c.id|ownerGuard {
		return false
	}
	here := now()
	g.mu.Lock()
	s := &g.slots[i]
	if s.off != off {
		g.mu.Unlock()
		return false
	}
	if s.state != guardLive {
		bad := g.report(s, "Free", damage{kind: DoubleFree})
		g.mu.Unlock()
		g.h.tell(bad)
		return true
	}
	s.track.freed = here
	bad := g.report(s, "Free", g.checkPadding(i))
	s.state = guardLimbo
	g.mu.Unlock()
	c.sampler.guarded.Add(-1)
	if c.flags&DestroyByRCU != 0 {
		g.h.domain.Defer(func() { g.retire(i) }) // readers may look until then
	} else {
		g.end(c, i)
	}
	g.h.tell(bad)
	return true
}

// end destructs an object, which was constructed for this one use, and retires
// its place, also when the destructor panics.
func (g *guardPool) end(c *Cache, i int) {
	defer g.retire(i)
	if c.dtor != nil {
		c.dtor(g.h.at(g.slots[i].off))
	}
}

// retire makes a place fault and gives its memory back. Its page keeps its owner,
// by which a second free is recognised. When the system refuses, the place is
// lost, not reused.
func (g *guardPool) retire(i int) {
	if g.h.buddy.region.Guard(g.place(i), g.unit) != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.slots[i].state, g.slots[i].cache = guardFree, nil
	g.free = append(g.free, i)
	g.room.Add(1)
}

// forget takes the pages of a cache that was destroyed away from its id, which
// another cache may get.
func (g *guardPool) forget(c *Cache) {
	mark := c.id | ownerGuard
	for i := range g.slots {
		for off := g.place(i); off < g.place(i)+g.unit; off += pageSize {
			// Only a page that is the cache's is written: who has an object on
			// another reads its owner without an atomic.
			if p := g.h.page(off >> pageShift); atomic.LoadUint32(&p.owner) == mark {
				atomic.CompareAndSwapUint32(&p.owner, mark, 0)
			}
		}
	}
}

// checkPadding looks at what is left of a place beside its object. The caller
// holds mu.
func (g *guardPool) checkPadding(i int) damage {
	s, place := &g.slots[i], g.place(i)
	got := g.h.bytes(place, int(g.unit))
	want := bytes.Clone(got)
	lo := int(s.off - place)
	for n := range want {
		if n < lo || n >= lo+s.size {
			want[n] = guardPadding ^ byte(n&7)
		}
	}
	return compare(PaddingOverwritten, -lo, want, got)
}

// report makes the report of damage to a sample, nil for none. The caller holds
// mu.
func (g *guardPool) report(s *guardSlot, op string, bad damage) *CorruptionError {
	if bad.kind == 0 {
		return nil
	}
	return &CorruptionError{
		Kind: bad.kind, Op: op, Heap: g.h.name, Cache: s.name,
		Object: address(g.h.at(s.off)), Size: s.size, Index: -1,
		Offset: bad.offset, Expected: bad.expected, Found: bad.found, dump: bad.dump,
		Allocated: s.track.allocated.public(), Freed: s.track.freed.public(),
	}
}

// inspect is [Heap.Inspect] for a page of the pool that belongs to c.
func (g *guardPool) inspect(c *Cache, off uintptr) Object {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := Object{State: ObjectGap, Cache: c}
	i := g.find(off)
	if i < 0 {
		return o
	}
	s := &g.slots[i]
	if off < s.off || off >= s.off+uintptr(s.size) {
		return o
	}
	o.Start, o.Offset = g.h.at(s.off), int(off-s.off)
	o.State = map[guardState]ObjectState{
		guardFree: ObjectFree, guardMaking: ObjectFree, guardLive: ObjectAllocated, guardLimbo: ObjectLimbo,
	}[s.state]
	return o
}
