// The size and place of what describes a slab, its header and bufctl: on the
// slab or in an object of another cache. The part of geometry.go that is not
// about objects; as pure.

package kmem

import "math"

// The free bitmap that the core keeps behind its slab descriptor: one bit an
// object in whole words.
const (
	freeMaskWordBytes = 8
	freeMaskWordBits  = 64
)

// slabDescBytes is what the core needs for the descriptor of a slab of num
// objects, in bytes.
func slabDescBytes(num int) int {
	return slabHeader + (num+freeMaskWordBits-1)/freeMaskWordBits*freeMaskWordBytes
}

// mgmtBytes is header and bufctl of a slab of num objects, in bytes, unpadded.
func (l Layout) mgmtBytes(num int) int {
	return l.Header + roundUp((num*l.BufctlBits+7)/8, l.BufctlUnit)
}

// slabLimit is the most objects that the bufctl can number: two values of an
// index are markers. A bitmap has no such limit.
func (l Layout) slabLimit() int {
	if l.BufctlBits < 8 || l.BufctlBits >= 32 {
		return math.MaxInt32
	}
	return 1<<l.BufctlBits - 3
}

// padMgmt pads the management area on a slab so that objects can follow.
func (l Layout) padMgmt(n, align int) int {
	if l.Mgmt == MgmtPadLine {
		return roundUp(n, l.CacheLine)
	}
	return roundUp(n, align)
}

// placeMgmt sets the size of the management area, and moves it onto a slab that
// has the room left over.
func (l Layout) placeMgmt(g *Geometry) {
	bare := l.mgmtBytes(g.Num)
	padded := l.padMgmt(bare, g.Align)
	if g.OffSlab && l.OffSlab == OffSlabLarge && g.Left >= padded {
		g.OffSlab = false
		g.Left -= padded
	}
	g.MgmtSize = padded
	if g.OffSlab {
		g.MgmtSize = bare
		g.DescSize = l.descSize(bare)
	}
}

// descriptors is the layout of the caches that hold the off-slab descriptors of
// caches with layout l. They must not need off-slab descriptors themselves.
func (l Layout) descriptors() Layout {
	if l.OffSlab == OffSlabAlways {
		l.OffSlab, l.MinObjects = OffSlabNever, 0
	}
	return l
}

// generalSizes are the sizes of the kernel's general caches, which held its
// off-slab descriptors.
func (l Layout) generalSizes() []int {
	sizes := []int{32, 64, 96, 128, 192}
	if l.CacheLine >= 128 {
		sizes = []int{32, 64, 128}
	} else if l.CacheLine >= 64 {
		sizes = []int{32, 64, 128, 192}
	}
	for n := 256; n <= l.MaxSize(); n *= 2 {
		sizes = append(sizes, n)
	}
	return sizes
}

// descSize is the size of the cache object that holds a descriptor of n bytes:
// a general cache's in the kernel, words and no more in the runtime's layout.
func (l Layout) descSize(n int) int {
	if l.OffSlab == OffSlabLarge {
		for _, size := range l.generalSizes() {
			if size >= n {
				return size
			}
		}
	}
	return roundUp(n, l.Word)
}

// offSlabLimit is the most objects that an off-slab descriptor can number. The
// kernel set it while it created its general caches, from the last of them that
// was itself on-slab.
func (l Layout) offSlabLimit() int {
	if l.OffSlab != OffSlabLarge {
		return math.MaxInt
	}
	limit := 0
	for _, size := range l.generalSizes() {
		g, err := l.place(size, 0, HWCacheAlign, limit)
		if err == nil && !g.OffSlab {
			limit = (size - l.Header) * 8 / l.BufctlBits
		}
	}
	return limit
}
