// How samples stay with a cache whose objects go around in arrays alone, where no
// window opens any more. See profile.go.
//
// The end of a sample opens a place for another, a hundred times a second at most,
// and the array of whoever freed it is emptied to let that in. Where uses are so
// short that the last sample ends in between, a timer opens a window and drains all
// arrays; a cache that nobody uses does not get that far. While no sample is alive,
// shares are those of the time that the last few lived.

package kmem

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	heirPause  = 10 * time.Millisecond  // between heirs, each of which costs a flush
	renewPause = 100 * time.Millisecond // before a renewal, which costs a drain
)

// life is how long a sample was allocated, in nanoseconds.
type life struct {
	stack stackID
	time  float64
}

// inherit asks for an heir of a sample that ended, now, and reports whether the
// caller's next object shall be it. The caller holds mu.
func (p *cacheProfile) inherit(now int64) bool {
	if p.open.Load() > 0 {
		return false
	}
	if now-p.heir >= int64(heirPause) {
		p.heir = now
		p.expect(1)
		return true
	}
	if len(p.live) == 0 && !p.renews {
		p.renews = true
		time.AfterFunc(renewPause, p.renew)
	}
	return false
}

// expect opens a window of n samples that take the place of others. The caller
// holds mu.
func (p *cacheProfile) expect(n int32) {
	p.heirs += n
	p.lead = rand.Int32N(profileWindow)
	p.open.Store(p.lead + n)
}

// waits reports whether a window is open: allocations shall find their array empty.
func (s *sampler) waits() bool {
	return s != nil && s.profile != nil && s.profile.open.Load() > 0
}

// renew opens a window, and drains the arrays so that somebody finds it. Arrays
// that see no object of their own anywhere send their owner the slow way, once.
func (p *cacheProfile) renew() {
	c := p.c
	c.owners.Lock()
	if c.dead() {
		c.owners.Unlock()
		return
	}
	p.mu.Lock()
	p.renews = false
	if p.open.Load() == 0 {
		p.expect(profileWindow)
	}
	p.mu.Unlock()
	v, twice := c.steal()
	for i := range c.slots.s {
		c.slots.s[i].end = 0
	}
	for _, l := range c.locals {
		if l != nil && plainOwner {
			atomic.StoreUintptr(&l.end, 0) // elsewhere every free is slow
		}
	}
	c.restore()
	c.owners.Unlock()
	c.afterFree(v, twice)
}

// parts are how call sites share the cache, of a whole. The caller holds mu.
func (p *cacheProfile) parts() (parts map[stackID]float64, whole float64) {
	parts = map[stackID]float64{}
	for stack, s := range p.sites {
		parts[stack] = float64(s.live)
		whole += float64(s.live)
	}
	if whole > 0 {
		return parts, whole
	}
	for _, l := range p.ended[:min(p.ends, len(p.ended))] {
		parts[l.stack] += l.time
		whole += l.time
	}
	return parts, whole
}
