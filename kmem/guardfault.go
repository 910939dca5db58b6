// What a fault at an address of a heap means. See guard.go and guardpages.go for
// who made the pages fault.

package kmem

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// ExplainFault tells in words what lies at an address that was accessed and
// faulted: which cache's object it was, or lies next to, who allocated it, who
// freed it. It returns "" for an address in no heap.
//
// Go makes a fault a panic where asked to, goroutine by goroutine:
//
//	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
//	defer func() {
//		r := recover()
//		if fault, ok := r.(interface{ Addr() uintptr }); ok {
//			log.Print(kmem.ExplainFault(fault.Addr()))
//		}
//		if r != nil {
//			panic(r)
//		}
//	}()
//
// Any goroutine may call it; it takes short locks.
func ExplainFault(addr uintptr) string {
	if why := explainClosed(addr); why != "" {
		return fmt.Sprintf("kmem: fault at %#x: %s", addr, why)
	}
	table := heaps.table.Load()
	if table == nil {
		return ""
	}
	for _, h := range *table {
		if h == nil {
			continue
		}
		if off := addr - address(h.base); off < h.buddy.region.Size() {
			return fmt.Sprintf("kmem: fault at %#x in heap %q: %s", addr, h.name, h.explain(off))
		}
	}
	return ""
}

// explain says what lies at an offset.
func (h *Heap) explain(off uintptr) string {
	switch {
	case h.guards != nil && off-guardPoolStart < guardPoolBytes:
		return h.guards.explain(off)
	case off < chunkPages<<pageShift:
		return fmt.Sprintf("%#x bytes behind the heap's base, where nothing is: a nil Ref was followed", off)
	case off >= h.end.Load():
		return "the address lies behind all pages that the heap has used"
	}
	p := h.page(off >> pageShift)
	if c := h.ownerOf(atomic.LoadUint32(&p.owner)); c != nil {
		o := h.Inspect(h.at(off))
		what := fmt.Sprintf("an object of cache %q, %s", c.name, o.State)
		if o.Start == nil {
			what = fmt.Sprintf("a page of cache %q, beside the objects", c.name)
		} else if o.State == ObjectFree {
			what += ": use after free"
		}
		return what
	}
	if last := p.first; last&guardMark != 0 {
		return fmt.Sprintf("the page belongs to no cache; the last to have it was %s: use after free", h.cacheText(last&^guardMark))
	}
	return "the page belongs to no cache: use after free, or a pointer that was never allocated"
}

func (h *Heap) cacheText(id uint32) string {
	if id == 0 {
		return "none"
	}
	if c := h.cacheOf(id); c != nil {
		return fmt.Sprintf("cache %q", c.name)
	}
	return "a cache that was destroyed"
}

// explain says what lies at an offset in the pool: an object, or the guards
// beside one, of which the nearer object counts.
func (g *guardPool) explain(off uintptr) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := g.find(off); i >= 0 {
		return g.slots[i].explain(off)
	}
	var near *guardSlot
	for i := range g.slots {
		s := &g.slots[i]
		if s.name != "" && (near == nil || s.distance(off) < near.distance(off)) {
			near = s
		}
	}
	if near == nil || near.distance(off) > 2*g.unit {
		return "a guard page without an object beside it"
	}
	return near.explain(off)
}

// distance is how far off lies from the object, in bytes.
func (s *guardSlot) distance(off uintptr) uintptr {
	if off < s.off {
		return s.off - off
	}
	return off - s.off
}

// explain says how off lies to the object, and who had that.
func (s *guardSlot) explain(off uintptr) string {
	if s.name == "" {
		return "a place for samples that was never used"
	}
	var what string
	switch end := s.off + uintptr(s.size); {
	case off < s.off:
		what = fmt.Sprintf("%d bytes in front of an object", s.off-off)
	case off >= end:
		what = fmt.Sprintf("%d bytes behind an object", off-end)
	default:
		what = fmt.Sprintf("byte %d of an object", off-s.off)
	}
	what += fmt.Sprintf(" of %d bytes of cache %q", s.size, s.name)
	switch {
	case s.state == guardFree || s.state == guardLimbo:
		what += ": use after free\n"
	case off < s.off || off >= s.off+uintptr(s.size):
		what += ": out of bounds\n"
	default:
		what += ", which is allocated\n"
	}
	what += s.track.allocated.public().describe("allocated", "  ")
	what += s.track.freed.public().describe("freed", "  ")
	return strings.TrimSuffix(what, "\n")
}
