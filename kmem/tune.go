// Tuning: the limits of array caches set by hand, as a write to /proc/slabinfo
// does. How they change by themselves is in free.go (adapt) and reapcache.go.

package kmem

import "fmt"

// Tune sets how many objects an array cache holds, how many move at a time
// between it and what is behind it, and how many batches the shared array holds.
// The cache keeps what it was told: from then on its arrays do not grow by
// themselves, nor does its shared array. Stats tells what is set.
//
// All arrays are emptied and begin anew; the owner of an array that grew finds it
// small again. It waits for owners that are inside Alloc or Free, and any
// goroutine may call it, not from a constructor. The error says what is legal: a
// limit of 1 to 32768, a batch of 1 to the limit, and a shared array of 0 to 32768
// objects. It panics after Destroy.
func (c *Cache) Tune(limit, batch, shared int) error {
	if err := (tuning{c.name, limit, batch, shared}).check(); err != nil {
		return fmt.Errorf("kmem: Tune of cache %q: %w", c.name, err)
	}
	c.owners.Lock()
	if c.dead() {
		c.owners.Unlock()
		c.usedAfterDestroy("Tune")
	}
	v, twice := c.steal()
	c.stripStolen()
	c.lock()
	twice = max(twice, c.unshare(c.shared.avail, &v)) // objects freed later came in meanwhile
	c.limit, c.batch, c.maxLimit, c.sharedFactor = limit, batch, limit, shared
	c.shared = sharedArray{limit: c.baseShared()}
	c.freeLimit = c.baseFreeLimit()
	c.unlock()
	c.restore()
	c.owners.Unlock()
	c.afterFree(v, twice)
	return nil
}

// stripStolen takes the entries of all arrays away, which are empty but where an
// object was found that was freed twice. The caller has stolen them.
func (c *Cache) stripStolen() {
	for _, l := range c.locals {
		if l != nil && l.avail == 0 {
			l.array().strip()
		}
	}
	for i := range c.slots.s {
		if s := &c.slots.s[i]; s.avail == 0 {
			s.strip()
			s.blind()
		}
	}
}

// perBatch is how many objects an array of that limit moves at a time: as large a
// part of it as a new array does. The caller holds mu or owns an array.
func (c *Cache) perBatch(limit int) int { return max(1, limit*c.batch/c.limit) }
