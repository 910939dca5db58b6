// Debug caches: what RedZone, Poison, StoreUser and DebugInitial do on an
// object's way. They take the place of stops 1, 2, 6 and 7 of the walk in doc.go.
//
// A debug cache has no use for array caches. Each of its objects comes from its
// slab and goes back there in one trip under the lock, so that the free mask says
// of every object whether it is allocated, no double free goes unseen, and
// everything that a check reads holds still. Two small things keep the fast paths
// away: arrays are never refilled, and their copy of the frame (bind) owns
// nothing.

package kmem

// debugCache is what a cache with debug flags has beside the others. All fields
// are constant; what the maps hold, and what constructed has learned, is guarded
// by the cache's mu.
type debugCache struct {
	c           *Cache
	zones       zones
	poison      poison
	constructed *constructed // with DebugInitial
	tracks      tracks
	allocs      map[stackID]uint64 // objects ever allocated, with StoreUser
}

// newDebug returns nil when the flags, as far as the geometry left them, ask for
// no debugging.
func newDebug(c *Cache) (*debugCache, error) {
	flags := c.geo.Flags & debugFlags
	if flags == 0 {
		return nil, nil
	}
	h := c.heap
	d := &debugCache{c: c, zones: zonesOf(c.geo), poison: newPoison(h, c.geo)}
	if flags&DebugInitial != 0 {
		k, err := learn(c)
		if err != nil {
			return nil, err
		}
		d.constructed = k
	}
	if flags&StoreUser != 0 {
		cache, err := h.trackCache(c.geo.Num)
		if err != nil {
			return nil, err
		}
		d.tracks = tracks{cache: cache, table: map[uint32]uintptr{}}
		d.allocs = map[stackID]uint64{}
	}
	return d, nil
}

// slot returns the offset of slot i of slab s, object that of the object in it.
func (d *debugCache) slot(s *slab, i uint32) uintptr {
	return uintptr(s.mem) + uintptr(i)*d.c.objSize
}

func (d *debugCache) object(s *slab, i uint32) uintptr {
	return d.slot(s, i) + uintptr(d.c.geo.ObjOffset)
}

// construct prepares a new slab that nobody has seen yet: free objects, as free
// objects are. With Poison the constructor runs at each allocation instead.
func (d *debugCache) construct(off uintptr) {
	s := d.c.heap.slab(off)
	for i := range d.c.num {
		d.setZones(d.slot(s, i), zoneInactive)
		d.setUser(d.slot(s, i), 0)
		d.poisonFree(d.object(s, i))
	}
	if d.poison.free == nil {
		d.c.construct(off)
		for i := range d.c.num {
			d.watch(d.object(s, i))
		}
	}
	d.addTracks(off)
}

// alloc takes an object off its slab. An object that was damaged while it was
// free is reported, repaired, and then handed out.
func (d *debugCache) alloc() (Pointer, error) {
	c, here := d.c, d.now()
	for {
		var one [1]addr
		var slot uintptr
		c.lock()
		dead, got := c.state == cacheDead, 0
		if !dead {
			got = c.takeBatch(one[:], 0)
		}
		var bad *CorruptionError
		var v victims
		var err error
		if got > 0 {
			slot = one[0].above(c.base)
			bad, v, err = d.handOut(slot, here)
		}
		c.stats.refills++
		c.unlock()
		c.endOf(v)
		c.heap.tell(bad)
		switch {
		case dead:
			c.usedAfterDestroy("Alloc")
		case err != nil:
			return nil, err
		case got > 0 && bad == nil:
			return d.finish(slot), nil
		case got > 0: // repaired, and back on its slab
		default:
			if err := c.grow(0); err != nil {
				return nil, err
			}
		}
	}
}

// handOut checks an object that was just taken and makes it the caller's. When it
// is damaged, or cannot be had, it goes back where it was. The caller holds mu.
func (d *debugCache) handOut(slot uintptr, here use) (*CorruptionError, victims, error) {
	s, i := d.find(slot)
	if bad := d.checkFree(s, i); bad.kind != 0 {
		e := d.report("Alloc", s, i, bad)
		d.markFree(s, i)
		return e, d.back(slot), nil
	}
	if err := d.poisonFresh(d.object(s, i)); err != nil {
		return nil, d.back(slot), err
	}
	d.setZones(slot, zoneActive)
	d.setUser(slot, here.stack.caller())
	if t := d.track(s, i); t != nil {
		t.allocated = here
		d.allocs[here.stack]++
	}
	return nil, victims{}, nil
}

// finish constructs the object where that is due at each allocation, with no lock
// held. When the constructor panics the object is free again.
func (d *debugCache) finish(slot uintptr) Pointer {
	c := d.c
	p := c.heap.at(slot + uintptr(c.geo.ObjOffset))
	if c.ctor == nil || d.poison.free == nil {
		return p
	}
	done := false
	defer func() {
		if !done {
			c.lock()
			d.markFree(d.find(slot))
			v := d.back(slot)
			c.unlock()
			c.endOf(v)
		}
	}()
	c.ctor(p)
	done = true
	d.watch(c.heap.offset(p))
	return p
}

// free puts an object back on its slab, and reports whether obj is an object of the
// cache at all. Damage is reported when the object is free and repaired.
func (d *debugCache) free(obj addr) bool {
	c := d.c
	slot := obj.above(c.base) - uintptr(c.geo.ObjOffset)
	f := c.frame
	f.end = c.heap.end.Load()
	if !f.owns(c.base + addr(slot)) {
		return false
	}
	here := d.now()
	d.destruct(slot)
	c.lock()
	if !f.owns(c.base + addr(slot)) { // the slab went, so the object was free
		c.unlock()
		return false
	}
	bad, v := d.takeIn(slot, here)
	c.unlock()
	c.endOf(v)
	c.heap.tell(bad)
	return true
}

// takeIn checks an object that is freed and puts it on its slab. The caller holds
// mu.
func (d *debugCache) takeIn(slot uintptr, here use) (*CorruptionError, victims) {
	s, i := d.find(slot)
	if s.has(i) {
		return d.report("Free", s, i, damage{kind: DoubleFree}), victims{}
	}
	bad := d.checkZones(slot, zoneActive)
	if bad.kind == 0 {
		bad = d.checkConstructed(d.object(s, i))
	}
	t := d.track(s, i)
	if t != nil {
		t.freed = here
	}
	d.setUser(slot, here.stack.caller())
	var e *CorruptionError
	if bad.kind != 0 {
		e = d.report("Free", s, i, bad)
	}
	d.markFree(s, i)
	if k := d.constructed; k != nil && d.poison.free == nil {
		k.apply(d.c.heap.bytes(d.object(s, i), len(k.bytes)))
	}
	return e, d.back(slot)
}

// find returns the slab of a slot and the slot's number.
func (d *debugCache) find(slot uintptr) (*slab, uint32) {
	h := d.c.heap
	s := h.slab(uintptr(*h.slabOf(slot >> pageShift)))
	return s, d.c.index(s, slot)
}

// checkFree looks at a free object. The caller holds mu, or the slab.
func (d *debugCache) checkFree(s *slab, i uint32) damage {
	bad := d.checkZones(d.slot(s, i), zoneInactive)
	if bad.kind == 0 {
		bad = d.checkPoison(d.object(s, i))
	}
	return bad
}

// markFree makes an object look free, whatever it looked like.
func (d *debugCache) markFree(s *slab, i uint32) {
	d.setZones(d.slot(s, i), zoneInactive)
	d.poisonFree(d.object(s, i))
}

// back puts an object on its slab. The caller holds mu.
func (d *debugCache) back(slot uintptr) (v victims) {
	d.c.freeBlock([]addr{d.c.base + addr(slot)}, &v)
	return v
}

// endOf destroys slabs, if there are any.
func (c *Cache) endOf(v victims) {
	if v.head != 0 {
		c.destroySlabs(v)
	}
}

// lastLook checks the objects of slabs that are about to go, and gives up what is
// kept about them. It returns the reports for later, when nothing can be lost by
// a panic. No lock is held.
func (d *debugCache) lastLook(v victims) (bad []*CorruptionError) {
	if d == nil {
		return nil
	}
	h := d.c.heap
	for off := v.head; off != 0; off = uintptr(h.slab(off).next) {
		s := h.slab(off)
		d.c.lock()
		bad = append(bad, d.look("end of a slab", s)...)
		table := d.dropTracks(s)
		d.c.unlock()
		if table != nil {
			d.tracks.cache.Free(table)
		}
	}
	return bad
}

// look checks all objects of a slab. The caller holds mu, or the slab.
func (d *debugCache) look(op string, s *slab) (bad []*CorruptionError) {
	for i := range d.c.num {
		var found damage
		if s.has(i) {
			found = d.checkFree(s, i)
		} else {
			found = d.checkZones(d.slot(s, i), zoneActive)
		}
		if found.kind != 0 {
			bad = append(bad, d.report(op, s, i, found))
		}
	}
	return bad
}
