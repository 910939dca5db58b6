// Guard words in front of and behind an object, and the word with its last
// caller. See debug.go.

package kmem

import "encoding/binary"

// The guard words, those of 2.6.9.
const (
	zoneInactive uint64 = 0x5A2CF071 // the object is free
	zoneActive   uint64 = 0x170FC2A5 // it is allocated
)

// zones says where the words of a slot lie, as offsets from its start:
//
//	[front zone][object, ObjOffset on][behind zone][user]
type zones struct {
	front, behind uintptr
	user          uintptr // 0 is none: a slot never starts with it
	guarded       bool
}

// zonesOf is pure.
func zonesOf(g Geometry) zones {
	var z zones
	end, word := uintptr(g.ObjSize), uintptr(g.Layout.Word)
	if g.Flags&StoreUser != 0 {
		end -= word
		z.user = end
	}
	if g.Flags&RedZone != 0 {
		z.guarded = true
		z.front, z.behind = uintptr(g.ObjOffset)-word, end-word
	}
	return z
}

// setZones writes both guard words of a slot.
func (d *debugCache) setZones(slot uintptr, v uint64) {
	if h := d.c.heap; d.zones.guarded {
		*h.word(slot + d.zones.front) = v
		*h.word(slot + d.zones.behind) = v
	}
}

// setUser keeps the caller in the slot's last word.
func (d *debugCache) setUser(slot uintptr, pc uintptr) {
	if d.zones.user != 0 {
		*d.c.heap.word(slot + d.zones.user) = uint64(pc)
	}
}

// checkZones compares both guard words of a slot with what they must be.
func (d *debugCache) checkZones(slot uintptr, want uint64) damage {
	if !d.zones.guarded {
		return damage{}
	}
	h := d.c.heap
	expect := binary.NativeEndian.AppendUint64(nil, want)
	for _, zone := range [...]uintptr{d.zones.behind, d.zones.front} {
		if *h.word(slot + zone) != want {
			return compare(RedZoneOverwritten, int(zone)-d.c.geo.ObjOffset, expect, h.bytes(slot+zone, len(expect)))
		}
	}
	return damage{}
}
