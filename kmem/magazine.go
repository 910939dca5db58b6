// Magazines: batches of objects that change hands whole, by three words and not
// one by one. Between the array caches and the slabs stands a stack of them, the
// shared array. Stops 2 and 7 of the walk in doc.go.
//
// Bonwick and Adams, Magazines and Vmem, 2001, exchange what a CPU works on. Here
// an array cache stays a stack of its own, so that its size may change, and copies
// a batch to or from a magazine with no lock held. The lock is for handing it over.

package kmem

import "slices"

// A magazine is a batch of free objects, the newest last. An array cache has an empty
// one, its spare, to fill for a flush; a refill gives it for a full one.
type magazine []addr

// A stacked magazine lies in the shared array, where owners of its home find it first, so
// that they do not get each other's neighbours by this way: homes.go.
type stacked struct {
	magazine
	home uint8 // of the slab of its first object when it came
}

// sharedArray holds objects between the array caches and the slabs, so that what
// one CPU frees another can take without touching a slab. Guarded by the cache's
// mu, under which few of its words are read, as each may come from another CPU.
type sharedArray struct {
	avail   int       // objects in it
	limit   int       // objects that it takes
	low     int       // the least that avail was since the reaper looked
	full    int32     // magazines with objects: the first, the newest last
	touched bool      // used since the reaper looked
	mags    []stacked // behind those with objects come empty ones
}

// put adds a magazine with objects and returns an empty one for it, or refuses.
// Nil is an empty one as well: appending makes it.
func (s *sharedArray) put(m stacked) (spare magazine, ok bool) {
	if s.avail+len(m.magazine) > s.limit {
		return nil, false
	}
	slot := s.slot()
	spare, *slot = slot.magazine, m
	s.full++
	s.avail += len(m.magazine)
	return spare, true
}

// slot returns the place above the newest magazine.
func (s *sharedArray) slot() *stacked {
	if int(s.full) == len(s.mags) {
		s.mags = append(s.mags, stacked{})
	}
	return &s.mags[s.full]
}

// find returns the number of the newest magazine of a home, or of all for anyHome; -1 is
// none. There are few: a batch or more in most of them, and limit is some batches.
func (s *sharedArray) find(home uint8) int {
	i := int(s.full) - 1
	for i >= 0 && home != anyHome && s.mags[i].home != home {
		i--
	}
	return i
}

// anyHome stands for all homes.
const anyHome = homes

// drop puts an empty magazine in the place of number i, behind those with objects.
func (s *sharedArray) drop(i int, spare magazine) {
	s.full--
	copy(s.mags[i:s.full], s.mags[i+1:])
	s.mags[s.full].magazine = spare
}

// add is put of objects that are in no magazine. Few of them come to the newest one of
// their home, as long as that is no more than a batch, so that whoever takes it next gets one.
func (s *sharedArray) add(objs []addr, home uint8, batch int) (ok bool) {
	if s.avail+len(objs) > s.limit {
		return false
	}
	i := s.find(home)
	if i < 0 || len(s.mags[i].magazine)+len(objs) > batch {
		i = int(s.full)
		s.slot().home = home
		s.full++
	}
	m := &s.mags[i]
	m.magazine = append(m.magazine, objs...)
	s.avail += len(objs)
	return true
}

// swap gives the newest magazine of a home for an empty one, if it is a batch for who
// wants n objects: no more, and not less than half unless there is no other. Else it
// returns nil.
func (s *sharedArray) swap(n int, home uint8, spare magazine) magazine {
	i := s.find(home)
	if i < 0 {
		return nil
	}
	m := s.mags[i].magazine
	if len(m) > n || 2*len(m) < n && s.full > 1 {
		return nil
	}
	s.drop(i, spare)
	s.took(len(m))
	return m
}

// take moves the newest objects of a home to dst, or of all for anyHome, and returns how
// many.
func (s *sharedArray) take(dst []addr, home uint8) int {
	left := len(dst)
	for i := s.find(home); i >= 0 && left > 0; i = s.find(home) {
		m := s.mags[i].magazine
		k := min(left, len(m))
		keep := len(m) - k
		left -= k
		copy(dst[left:], m[keep:])
		if s.mags[i].magazine = m[:keep]; keep == 0 {
			s.drop(i, m[:0])
		}
	}
	n := len(dst) - left
	copy(dst, dst[left:])
	s.took(n)
	return n
}

// took counts objects out that somebody needed.
func (s *sharedArray) took(n int) {
	if n > 0 {
		s.avail -= n
		s.low = min(s.low, s.avail)
		s.touched = true
	}
}

// unshare puts the n objects that have been in the shared array longest on their
// slabs. The caller holds mu.
func (c *Cache) unshare(n int, v *victims) (twice addr) {
	s, emptied := &c.shared, 0
	for n > 0 {
		m := s.mags[emptied].magazine
		done, t := c.freeBlock(m[:min(n, len(m))], v)
		if s.mags[emptied].magazine = m[:copy(m, m[done:])]; done == len(m) {
			emptied++
		}
		s.avail -= done
		n, twice = n-done, max(twice, t)
	}
	// Those that were emptied go behind the others.
	slices.Reverse(s.mags[:emptied])
	slices.Reverse(s.mags[emptied:s.full])
	slices.Reverse(s.mags[:s.full])
	s.full -= int32(emptied)
	s.low = min(s.low, s.avail)
	return twice
}

// emptyShared puts all objects of the shared array on their slabs, and takes back what
// its limit grew by. What it holds when its users have gone lies all over the slabs of
// all of them: those who come next would start with each other's neighbours, whose cache
// lines their processors fetch from one another (RandomLive100k on two CPUs 8.9 ns, and
// 7.7 so).
func (c *Cache) emptyShared(v *victims) (twice addr) {
	c.lock()
	defer c.unlock()
	twice = c.unshare(c.shared.avail, v)
	c.lessShared(0)
	c.shared.dropEmpty()
	return twice
}

// dropEmpty gives the empty magazines to the collector.
func (s *sharedArray) dropEmpty() {
	if s.full == 0 {
		s.mags = nil
	}
	clear(s.mags[s.full:])
}

// shareMore lets the shared array hold as many batches of an array as it holds of a
// new one, where objects go from owner to owner: they are to find room here rather than
// be put on slabs and taken off again under the lock.
func (c *Cache) shareMore(a *arrayCache) {
	c.shared.limit = max(c.shared.limit, min(c.sharedFactor*c.perBatch(int(a.limit)), c.mostShared()))
}

// mostShared is the largest limit that a shared array can have.
func (c *Cache) mostShared() int {
	return c.sharedFactor * c.perBatch(c.streamLimit())
}

// baseShared is the limit of a shared array at first.
func (c *Cache) baseShared() int { return c.sharedFactor * c.batch }

// lessShared takes back what the limit grew by, down to limit.
func (c *Cache) lessShared(limit int) {
	if limit = max(limit, c.baseShared()); c.shared.avail <= limit {
		c.shared.limit = limit
	}
}
