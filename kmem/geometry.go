// Geometry decides how the objects of a cache lie on a slab. It is pure: a layout,
// a size, an alignment and flags in, numbers out, no memory touched. grow.go and
// slab.go do what is decided here.

package kmem

import (
	"fmt"
	"sort"
)

// Geometry is where everything lies on a slab of one cache, and how large its
// array caches are. Sizes are bytes.
//
// An on-slab slab is [colour][header, bufctl, padding][object 0 ... Num-1][rest];
// an off-slab slab is [colour][object 0 ... Num-1][rest] with header and bufctl
// elsewhere.
type Geometry struct {
	Layout Layout // by which this was computed
	Asked  int    // the size that was asked for
	Flags  Flags  // without those that the alignment made impossible

	ObjSize   int // from one object to the next
	ObjOffset int // from a slot to what its user sees: the guard in front
	Align     int // of objects

	Order int // the slab has 1<<Order pages
	Num   int // objects on a slab
	Left  int // bytes of a slab that nothing uses but colours

	OffSlab  bool
	MgmtSize int // header and bufctl; on the slab: and the padding behind them
	DescSize int // off-slab: size of the cache objects that hold header and bufctl

	// Colours is how many steps of ColourOff fit into Left. Offsets go from 0 to
	// (Colours-1)*ColourOff; 0 and 1 both mean that there is only one.
	Colours   int
	ColourOff int

	Limit        int // objects in a CPU's array cache
	Batch        int // objects moved at a time
	SharedFactor int // the shared array takes SharedFactor*Batch objects at first
}

// SlabBytes is the size of a slab's pages.
func (g Geometry) SlabBytes() int { return g.Layout.PageSize << g.Order }

// FirstObject is the offset of the first object in a slab of colour 0.
func (g Geometry) FirstObject() int {
	if g.OffSlab {
		return 0
	}
	return g.MgmtSize
}

// FreeLimit is the number of free objects on slabs above which an emptied slab
// is destroyed at once, with that many CPUs online.
func (g Geometry) FreeLimit(cpus int) int { return (1+cpus)*g.Batch + g.Num }

// Geometry lays out a cache of objects of size bytes. An align of 0 leaves the
// alignment to the flags; others are powers of two up to the page size. (The
// kernel took any number and then computed with its low bits.) Impossible sizes
// and alignments are an error that says what is legal. Flags are not checked for
// combinations; those that do not bear on geometry are ignored.
func (l Layout) Geometry(size, align int, flags Flags) (Geometry, error) {
	l = l.orNative()
	if err := l.check(); err != nil {
		return Geometry{}, fmt.Errorf("kmem: Geometry: %w", err)
	}
	g, err := l.layOut(size, align, flags)
	if err != nil {
		return Geometry{}, fmt.Errorf("kmem: Geometry: %w", err)
	}
	return g, nil
}

// runGeometry is the geometry of a cache that the runtime is going to run, by a
// layout that is [Layout.Runnable]: objects lie on words at least, and the room
// for the descriptor holds the runtime's own.
func (l Layout) runGeometry(size, align int, flags Flags) (Geometry, error) {
	l = l.orNative()
	asked := align
	if align > 0 && align&(align-1) == 0 {
		align = max(align, l.Word)
	}
	g, err := l.layOut(size, align, flags)
	if err != nil {
		return Geometry{}, err
	}
	if g.Align < asked {
		return Geometry{}, fmt.Errorf("alignment %d cannot be had: layout %s takes it from the flags alone, which give %d",
			asked, l.Name, g.Align)
	}
	if need := slabDescBytes(g.Num); g.OffSlab && g.MgmtSize < need {
		g.MgmtSize = need
		g.DescSize = l.descSize(need)
	}
	return g, nil
}

// layOut refuses what is impossible and places the rest.
func (l Layout) layOut(size, align int, flags Flags) (Geometry, error) {
	if size < l.MinSize || size > l.MaxSize() {
		return Geometry{}, fmt.Errorf("object size %d is impossible; layout %s has %d to %d bytes",
			size, l.Name, l.MinSize, l.MaxSize())
	}
	if align < 0 || align > l.PageSize || align&(align-1) != 0 {
		return Geometry{}, fmt.Errorf("alignment %d is impossible; legal are 0 and the powers of two from 1 to the page size %d",
			align, l.PageSize)
	}
	return l.place(size, align, flags, l.offSlabLimit())
}

// place does the steps of the kernel's cache creation in their order; several
// depend on it, such as the off-slab test before the size is aligned.
func (l Layout) place(size, align int, flags Flags, offSlabLimit int) (Geometry, error) {
	g := Geometry{Layout: l, Asked: size}
	g.Align, g.Flags = l.alignment(size, align, flags)
	size = g.guard(roundUp(size, l.Word))
	g.OffSlab = l.startsOffSlab(size)
	g.ObjSize = roundUp(size, g.Align)

	l.search(&g, offSlabLimit)
	if g.Num == 0 {
		return Geometry{}, fmt.Errorf("no object of %d bytes aligned to %d fits a slab of %d bytes beside its header (layout %s)",
			g.ObjSize, g.Align, g.SlabBytes(), l.Name)
	}
	l.placeMgmt(&g)

	g.ColourOff = max(l.CacheLine, g.Align)
	g.Colours = g.Left / g.ColourOff
	l.arrays(&g)
	return g, nil
}

// alignment is the alignment of objects and the flags that survive it: an
// alignment of the caller's drops the guards, which would break it.
func (l Layout) alignment(size, align int, flags Flags) (int, Flags) {
	if l.Align == AlignAtLeast {
		size = roundUp(size, l.Word)
	}
	byFlag := l.Word
	if flags&HWCacheAlign != 0 || l.Align == AlignLine {
		byFlag = l.lineFraction(size)
	}
	switch {
	case align == 0 || l.Align == AlignFlagOnly:
		return byFlag, flags
	case l.Align == AlignAtLeast && align <= byFlag:
		return byFlag, flags
	default:
		return align, flags &^ (RedZone | StoreUser)
	}
}

// lineFraction halves a cache line as long as an object fits the half.
func (l Layout) lineFraction(size int) int {
	align := l.CacheLine
	for size <= align/2 {
		align /= 2
	}
	return align
}

// guard adds the red zones and the caller's word to an object of size bytes.
// Both take the alignment back to a word.
func (g *Geometry) guard(size int) int {
	word := g.Layout.Word
	if g.Flags&RedZone != 0 {
		g.Align = word
		g.ObjOffset = word
		size += 2 * word
	}
	if g.Flags&StoreUser != 0 {
		g.Align = word
		size += word
	}
	return size
}

// startsOffSlab is the test of the size before it is aligned: an object of 450
// bytes that is aligned to 512 starts on the slab, one of 512 does not.
func (l Layout) startsOffSlab(size int) bool {
	switch l.OffSlab {
	case OffSlabAlways:
		return true
	case OffSlabNever:
		return false
	default:
		return size >= l.PageSize/8
	}
}

// search finds the order: the smallest with enough objects whose waste is at most an
// eighth, up to the break order, or whichever holds an object at all.
func (l Layout) search(g *Geometry, offSlabLimit int) {
	if g.Flags&ReclaimAccount != 0 && l.ReclaimOrderZero && g.ObjSize <= l.PageSize {
		l.estimate(g)
		return
	}
	for ; ; g.Order++ {
		l.estimate(g)
		switch {
		case g.Order >= l.MaxOrder:
			return
		case g.Num == 0:
			continue
		case g.OffSlab && g.Num > offSlabLimit:
			// Too many for any descriptor: one order back. There is nothing
			// before order 0, where the kernel would have shifted by -1.
			if g.Order > 0 {
				g.Order--
				l.estimate(g)
			}
			return
		case g.Order >= l.BreakOrder:
			return
		case g.Num < l.MinObjects:
			continue
		case g.Left*8 <= g.SlabBytes():
			return
		}
	}
}

// estimate sets how many objects a slab of g.Order has, and what is left over.
func (l Layout) estimate(g *Geometry) {
	bytes := g.SlabBytes()
	used := func(n int) int {
		if g.OffSlab {
			return n * g.ObjSize
		}
		return n*g.ObjSize + l.padMgmt(l.mgmtBytes(n), g.Align)
	}
	tooMany := sort.Search(bytes/g.ObjSize+1, func(n int) bool { return used(n) > bytes })
	g.Num = min(max(tooMany-1, 0), l.slabLimit())
	g.Left = bytes - used(g.Num)
}

// arrays sets the limits of the array caches: large objects are few, so that an
// idle CPU does not hold much memory.
func (l Layout) arrays(g *Geometry) {
	switch {
	case g.ObjSize > 128<<10:
		g.Limit = 1
	case g.ObjSize > l.PageSize:
		g.Limit = 8
	case g.ObjSize > 1024:
		g.Limit = 24
	case g.ObjSize > 256:
		g.Limit = 54
	default:
		g.Limit = 120
	}
	if l.Debug {
		g.Limit = min(g.Limit, 32)
	}
	g.Batch = (g.Limit + 1) / 2
	if l.SMP && g.ObjSize <= l.PageSize {
		g.SharedFactor = 8
	}
}

// roundUp rounds n up to a multiple of unit, a power of two.
func roundUp(n, unit int) int { return (n + unit - 1) &^ (unit - 1) }
