// The profile of a heap: which call sites have objects, and how many they took,
// by samples. Beside the walk in doc.go; profileslab.go has the sampled objects.
//
// The runtime counts every byte that is allocated and samples where a count runs
// out. Here the fast paths count nothing. What is counted is what leaves the slab
// layer for the arrays, and when that count runs out a window opens: the next few
// allocations of whoever finds an array empty are samples, objects from slabs of
// their own, and arrays are not refilled meanwhile. A window and not one sample,
// and with a few before it that do not count, because the allocation that finds an
// array empty is not just any: where a short use and a long one take turns it is
// always the short one. Sampled objects do not go through arrays, so those of a
// window follow each other as the program allocates them.
//
// So samples tell how uses share a cache. How much there is to share is known: the
// objects of the cache that are neither on a slab nor in an array. In-use figures
// are shares of that. Allocations are weighted by what a window stands for, which
// is objects that left the slab layer; one that goes around between Free and Alloc
// of the same owner is not among them.
//
// A cache whose objects go around in arrays alone has no new windows, and its
// samples would die out: profileheirs.go.

package kmem

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// profileWindow is how many samples are taken in a row, behind fewer that do not
// count.
const profileWindow = 8

// cacheProfile is the profile of one cache.
type cacheProfile struct {
	c *Cache // constant

	left    atomic.Int64 // bytes until the next window opens
	open    atomic.Int32 // samples that the window has left
	decided atomic.Int32 // samples that were decided on, and not made yet

	lists slabLists // of slabs for samples; guarded by the cache's mu

	mu     sync.Mutex // innermost, but for that of the stacks; guards all below
	span   int64      // bytes that the interval before the window had
	weight float64    // objects that each sample of the window stands for
	lead   int32      // samples to come that do not count
	heirs  int32      // samples to come that take the place of others: without weight
	heir   int64      // when the last one was asked for, in nanoseconds since 1970
	live   map[uintptr]use
	sites  map[stackID]*site
	renews bool     // a renewal is due
	ended  [32]life // samples whose objects were freed, the last ones
	ends   int      // how many there were
}

// site is what samples say about one call site.
type site struct {
	live      int64   // sampled objects that are allocated
	allocated float64 // objects, by weight
}

func newCacheProfile(c *Cache) *cacheProfile {
	p := &cacheProfile{c: c, live: map[uintptr]use{}, sites: map[stackID]*site{}}
	p.lists.h = c.heap
	p.span = p.draw()
	p.left.Store(p.span)
	return p
}

// draw returns how many bytes there are to the next window: as many on average as
// make one sample in profileRate bytes, and by chance, so that no pattern of the
// program's meets it.
func (p *cacheProfile) draw() int64 {
	return int64(rand.ExpFloat64()*float64(p.c.heap.profileRate)*profileWindow) + 1
}

// count notes that n objects left the slab layer.
func (s *sampler) count(n int) {
	if s.profile != nil {
		s.profile.left.Add(-int64(n) * int64(s.profile.c.objSize))
	}
}

// due reports whether the next object is a sample, and the array stays empty.
func (p *cacheProfile) due() bool {
	if claimOne(&p.open) {
		p.decided.Add(1)
		return true
	}
	if p.left.Load() > 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	over := p.left.Load()
	if over > 0 { // somebody else has opened the window
		return false
	}
	p.weight = float64(p.span-over) / float64(p.c.objSize) / profileWindow
	p.span = p.draw()
	p.left.Store(p.span)
	p.lead = rand.Int32N(profileWindow)
	p.open.Store(p.lead + profileWindow - 1)
	p.decided.Add(1)
	return true
}

// alloc returns a sampled object, nil when there is no memory for one. No lock is
// held.
func (p *cacheProfile) alloc() Pointer {
	c, here := p.c, now()
	for {
		c.lock()
		c.checkLive("Alloc")
		off := p.take()
		c.unlock()
		if off != 0 {
			p.keep(off, here)
			return c.heap.at(off)
		}
		if p.grow() != nil {
			return nil
		}
	}
}

// keep notes a sample, if it counts.
func (p *cacheProfile) keep(off uintptr, here use) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lead > 0 {
		p.lead--
		return
	}
	s := p.sites[here.stack]
	if s == nil {
		s = &site{}
		p.sites[here.stack] = s
	}
	p.live[off] = here
	s.live++
	if p.heirs > 0 {
		p.heirs--
	} else {
		s.allocated += p.weight
	}
}

// forget notes the end of one, and reports whether it asked for an heir. The caller
// holds the cache's mu, so that the object is not another sample already.
func (p *cacheProfile) forget(off uintptr) (heir bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u, ok := p.live[off]
	if !ok {
		return false
	}
	end := time.Now().UnixNano()
	p.sites[u.stack].live--
	delete(p.live, off)
	p.ended[p.ends%len(p.ended)] = life{u.stack, float64(max(end-u.at, 1))}
	p.ends++
	return p.inherit(end)
}

// Sample is what one call site has and had of one cache, as far as samples tell:
// estimates, but for caches with [StoreUser].
type Sample struct {
	Cache string
	Stack Stack // nil: of uses that no sample caught
	Size  int   // of an object in bytes, with what alignment and guards add

	InUseObjects, InUseBytes int64 // allocated now
	AllocObjects, AllocBytes int64 // ever allocated
}

// Samples returns the profile of a heap with a ProfileRate, and what caches with
// [StoreUser] know in any case, most bytes in use first. Any goroutine may call it;
// it takes the lock of each cache, and a look at each array.
func (h *Heap) Samples() []Sample {
	var all []Sample
	for _, c := range h.Caches() {
		switch {
		case c.debug != nil:
			all = append(all, c.debug.samples()...)
		case c.sampler != nil && c.sampler.profile != nil:
			all = append(all, c.sampler.profile.samples()...)
		}
	}
	slices.SortFunc(all, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(b.InUseBytes, a.InUseBytes), cmp.Compare(b.AllocBytes, a.AllocBytes),
			cmp.Compare(a.Cache, b.Cache), slices.Compare(a.Stack, b.Stack))
	})
	return all
}

// ProfileRate returns how many bytes there are to a sample; 0 is no profile.
func (h *Heap) ProfileRate() int { return h.profileRate }

// samples shares what is in use out among the call sites.
func (p *cacheProfile) samples() []Sample {
	c, inUse := p.c, p.c.inUse()
	p.mu.Lock()
	defer p.mu.Unlock()
	parts, whole := p.parts()
	var all []Sample
	if whole == 0 && inUse > 0 {
		all = append(all, c.sample(nil, inUse, inUse))
	}
	for stack, s := range p.sites {
		share := int64(math.Round(float64(inUse) * parts[stack] / max(whole, 1)))
		all = append(all, c.sample(stack.stack(), share, max(share, int64(math.Round(s.allocated)))))
	}
	return all
}

// sample makes the sample of a site from counts of objects.
func (c *Cache) sample(stack Stack, inUse, allocated int64) Sample {
	size := int64(c.geo.ObjSize)
	return Sample{Cache: c.name, Stack: stack, Size: c.geo.ObjSize, InUseObjects: inUse, InUseBytes: inUse * size,
		AllocObjects: allocated, AllocBytes: allocated * size}
}

// samples is exact: debug caches with StoreUser know of each object who has it.
func (d *debugCache) samples() (all []Sample) {
	if d.tracks.cache == nil {
		return nil
	}
	c := d.c
	c.lock()
	defer c.unlock()
	holders := d.holders()
	for stack, n := range d.allocs {
		all = append(all, c.sample(stack.stack(), int64(holders[stack].objects), int64(n)))
	}
	return all
}

// inUse counts the objects that are allocated. Those that their owners move at this
// very moment may be counted as well.
func (c *Cache) inUse() int64 {
	c.owners.Lock() // so that no drain moves what is counted
	defer c.owners.Unlock()
	return int64(max(c.Stats().Active-c.atHand(), 0))
}
