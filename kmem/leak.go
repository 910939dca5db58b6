// Leaks: what is allocated, by who allocated it. See debugtrack.go for what is
// kept.

package kmem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Leak is what one call site has allocated and nobody has freed.
type Leak struct {
	Cache   string
	Stack   Stack // of the allocations; nil when it is not known
	Objects int
	Bytes   int64     // as their users asked for them
	Oldest  time.Time // of the allocations
}

// String returns a line and the stack.
func (l Leak) String() string {
	s := fmt.Sprintf("%d objects, %d bytes of cache %q", l.Objects, l.Bytes, l.Cache)
	if !l.Oldest.IsZero() {
		s += fmt.Sprintf(", the oldest %v ago", time.Since(l.Oldest).Round(time.Microsecond))
	}
	for _, pc := range l.Stack {
		s += "\n    " + Stack{pc}.String()
	}
	return s
}

// Leaks returns what is allocated in caches with [StoreUser] now, most bytes
// first. Whether it is a leak the caller knows. Any goroutine may call it; it
// takes the lock of each cache while it walks its slabs.
func (h *Heap) Leaks() []Leak {
	var all []Leak
	for _, c := range h.Caches() {
		all = append(all, c.Leaks()...)
	}
	sortLeaks(all)
	return all
}

// Leaks is [Heap.Leaks] for one cache.
func (c *Cache) Leaks() []Leak {
	d := c.debug
	if d == nil || d.tracks.cache == nil {
		return nil
	}
	c.lock()
	holders := d.holders()
	c.unlock()
	var all []Leak
	for id, n := range holders {
		l := Leak{Cache: c.name, Stack: id.stack(), Objects: n.objects, Bytes: int64(n.objects) * int64(c.geo.Asked)}
		if n.oldest != 0 {
			l.Oldest = time.Unix(0, n.oldest)
		}
		all = append(all, l)
	}
	sortLeaks(all)
	return all
}

// holder is what one call site has.
type holder struct {
	objects int
	oldest  int64 // nanoseconds since 1970
}

// holders counts what is allocated, by who allocated it. The caller holds mu.
func (d *debugCache) holders() map[stackID]holder {
	all := map[stackID]holder{}
	d.c.eachSlab(func(s *slab) {
		for i := range d.c.num {
			if s.has(i) {
				continue
			}
			var u use
			if t := d.track(s, i); t != nil {
				u = t.allocated
			}
			n := all[u.stack]
			if n.objects++; n.oldest == 0 || u.at < n.oldest {
				n.oldest = u.at
			}
			all[u.stack] = n
		}
	})
	return all
}

// eachSlab calls f for each slab on the lists. The caller holds mu.
func (c *Cache) eachSlab(f func(*slab)) {
	for _, g := range c.lists.group {
		for off := g.head; off != 0; off = uintptr(c.heap.slab(off).next) {
			f(c.heap.slab(off))
		}
	}
}

func sortLeaks(all []Leak) {
	slices.SortFunc(all, func(a, b Leak) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Cache, b.Cache), slices.Compare(a.Stack, b.Stack))
	})
}

// shownLeaks is how many call sites a BusyError shows.
const shownLeaks = 3

// leakText is the part of a BusyError that tells who has the objects.
func leakText(leaks []Leak) string {
	var b strings.Builder
	for i, l := range leaks {
		if i == shownLeaks {
			fmt.Fprintf(&b, "\n  and %d more call sites", len(leaks)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %v", l)
	}
	return b.String()
}
