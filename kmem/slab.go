// A slab: a block of pages cut into objects, and its descriptor. Stops 3, 5 and
// 8 of the walk in doc.go.

package kmem

import "math/bits"

// slabHeader is the size of a slab's descriptor without the free mask: that of
// struct slab on x86_64 in 2.6.9, so that layout=2.6.9 has room for it.
const slabHeader = 40

// slab is the descriptor of one slab. It lives off the Go heap, on the slab's
// own pages or in a cache of descriptors, so its links are offsets. All fields
// but the constant ones are guarded by the cache's mu.
//
// Behind it stands the free mask, the bufctl of this allocator: a bit per
// object, set while the object is on the slab.
type slab struct {
	next, prev uint64 // neighbours in the group's list; 0 is none
	mem        uint64 // constant; offset of object 0
	page       uint32 // constant; number of the first page
	inuse      uint32 // objects that are not on the slab
	words      uint16 // constant; length of the free mask
	group      uint8  // which list it is on
	land       uint8  // constant; the home that it was made for, and its pages mostly
	home       uint32 // of who took from it last; read without mu by homeOf
}

// fill puts all num objects on the slab.
func (s *slab) fill(num int) {
	s.words = uint16((num + 63) / 64)
	s.inuse = 0
	for i := uint16(0); i < s.words; i++ {
		*s.word(uintptr(i)) = ^uint64(0)
	}
	if tail := num & 63; tail != 0 {
		*s.word(uintptr(s.words) - 1) = 1<<tail - 1
	}
}

// take moves objects from the slab to dst and returns how many. It fills dst
// from its end, so that popping from the end hands out rising addresses.
func (s *slab) take(dst []addr, base addr, size uintptr) int {
	n := len(dst)
	for w := uintptr(0); w < uintptr(s.words) && n > 0; w++ {
		p := s.word(w)
		mask := *p
		if mask == 0 {
			continue
		}
		mem := base + addr(uintptr(s.mem)+w*64*size)
		for mask != 0 && n > 0 {
			n--
			dst[n] = mem + addr(uintptr(bits.TrailingZeros64(mask))*size)
			mask &= mask - 1
		}
		*p = mask
	}
	taken := len(dst) - n
	s.inuse += uint32(taken)
	return taken
}

// put sets the object's bit. It reports false when the bit was set already: the
// object was freed twice.
func (s *slab) put(i uint32) bool {
	p := s.word(uintptr(i >> 6))
	bit := uint64(1) << (i & 63)
	if *p&bit != 0 {
		return false
	}
	*p |= bit
	s.inuse--
	return true
}

// free reports how many objects are on the slab, counted from the mask.
func (s *slab) free() (n int) {
	for i := uintptr(0); i < uintptr(s.words); i++ {
		n += bits.OnesCount64(*s.word(i))
	}
	return n
}

// has reports whether the object is on the slab.
func (s *slab) has(i uint32) bool { return *s.word(uintptr(i >> 6))>>(i&63)&1 != 0 }
