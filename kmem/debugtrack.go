// Who had an object: the last allocation and the last free of each object of a
// cache with StoreUser, in a table per slab, off the Go heap.

package kmem

import (
	"fmt"
	"time"
)

// track is what is known about an object's last owner.
type track struct {
	allocated, freed use
}

// use is one event in the life of an object; the zero value is none.
type use struct {
	at    int64 // nanoseconds since 1970
	stack stackID
}

// now is an event that happens here.
func now() use { return use{at: time.Now().UnixNano(), stack: callers()} }

// now is what the cache keeps of an event that happens here, if it does.
func (d *debugCache) now() use {
	if d.tracks.cache == nil {
		return use{}
	}
	return now()
}

// Use is an allocation or a free of an object, as a report shows it. A zero At
// says that there was none, or that nobody kept it.
type Use struct {
	At    time.Time
	Stack Stack // empty when there were too many to keep it
}

func (u use) public() Use {
	if u.at == 0 {
		return Use{}
	}
	return Use{At: time.Unix(0, u.at), Stack: u.stack.stack()}
}

// tracks are the tables of one cache. The map is guarded by the cache's mu; a
// table belongs to its slab.
type tracks struct {
	cache *Cache             // of the tables; nil when nobody keeps them
	table map[uint32]uintptr // offset of a table by the first page of its slab
}

// add makes the table of a new slab, or none when there is no memory: a report
// is then the poorer. No lock is held.
func (d *debugCache) addTracks(slab uintptr) {
	if d.tracks.cache == nil {
		return
	}
	done := false
	defer func() {
		if !done { // a shrinker panicked, and the slab is on no list yet
			d.c.destruct(slab, 0)
			d.c.releaseSlab(slab)
		}
	}()
	p, err := d.tracks.cache.TryAlloc()
	done = true
	if err != nil {
		return
	}
	clear(bytesAt(p, int(d.c.num)*trackBytes))
	d.c.lock()
	d.tracks.table[d.c.heap.slab(slab).page] = d.c.heap.offset(p)
	d.c.unlock()
}

// dropTracks takes the table of a slab away and returns it, nil when there is
// none. The caller holds mu and frees it later.
func (d *debugCache) dropTracks(s *slab) Pointer {
	off, ok := d.tracks.table[s.page]
	if !ok {
		return nil
	}
	delete(d.tracks.table, s.page)
	return d.c.heap.at(off)
}

// track returns the record of object i of slab s, nil when nobody keeps it. The
// caller holds mu.
func (d *debugCache) track(s *slab, i uint32) *track {
	off, ok := d.tracks.table[s.page]
	if !ok {
		return nil
	}
	return d.c.heap.track(off, i)
}

// trackCache returns the cache of tables for slabs of num objects.
func (h *Heap) trackCache(num int) (*Cache, error) {
	layout := h.layout
	layout.OffSlab = OffSlabNever
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.innerCache("kmem_track", roundUp(num*trackBytes, layout.Word), layout)
}

// describe says who and when, in lines that begin with indent.
func (u Use) describe(what, indent string) string {
	if u.At.IsZero() {
		return ""
	}
	s := fmt.Sprintf("%s%s %v ago by\n", indent, what, time.Since(u.At).Round(time.Microsecond))
	for _, pc := range u.Stack {
		s += indent + "  " + Stack{pc}.String() + "\n"
	}
	return s
}
