// Every rule of the geometry is taken out once, and a test must notice.

package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

func TestMutantsGeometry(t *testing.T) {
	const tests = "^Test(Slabinfo|Geometry|Reciprocal|SlabLimit)"
	rule := func(name, file, old, new, expect string) mutant.Mutant {
		return mutant.Mutant{Name: name, File: file, Old: old, New: new, Test: tests, Expect: expect}
	}
	const table = "geometry_test.go"
	const dumps = "slabinfo_test.go"
	mutant.Run(t, []mutant.Mutant{
		rule("sizes are not rounded to words", "geometry.go",
			"g.guard(roundUp(size, l.Word))", "g.guard(size)", table),
		rule("objects are not rounded to their alignment", "geometry.go",
			"g.ObjSize = roundUp(size, g.Align)", "g.ObjSize = size", dumps),
		rule("a line is halved once too often", "geometry.go",
			"for size <= align/2 {", "for size/2 <= align/2 {", table),
		rule("the caller's alignment does not hide the flag in 2.6.9", "geometry.go",
			"case l.Align == AlignAtLeast && align <= byFlag:", "case align <= byFlag:", table),
		rule("alignments do not add up in 2.6.11", "geometry.go",
			"case l.Align == AlignAtLeast && align <= byFlag:", "case false:", table),
		rule("2.6.5 uses the caller's alignment", "geometry.go",
			"case align == 0 || l.Align == AlignFlagOnly:", "case align == 0:", table),
		rule("2.6.5-mm aligns by flag alone", "geometry.go",
			"if flags&HWCacheAlign != 0 || l.Align == AlignLine {", "if flags&HWCacheAlign != 0 {", table),
		rule("guards stay with the caller's alignment", "geometry.go",
			"return align, flags &^ (RedZone | StoreUser)", "return align, flags", table),
		rule("off-slab is decided after the alignment", "geometry.go",
			"g.OffSlab = l.startsOffSlab(size)\n\tg.ObjSize = roundUp(size, g.Align)",
			"g.ObjSize = roundUp(size, g.Align)\n\tg.OffSlab = l.startsOffSlab(g.ObjSize)", table),
		rule("512 bytes start on the slab", "geometry.go",
			"return size >= l.PageSize/8", "return size > l.PageSize/8", dumps),
		rule("reclaim accounting does not hold the order down", "geometry.go",
			"if g.Flags&ReclaimAccount != 0 && l.ReclaimOrderZero && g.ObjSize <= l.PageSize {", "if false {", dumps),
		rule("an eighth of waste is too much", "geometry.go",
			"case g.Left*8 <= g.SlabBytes():", "case g.Left*16 <= g.SlabBytes():", dumps),
		rule("the search stops an order late", "geometry.go",
			"case g.Order >= l.BreakOrder:", "case g.Order > l.BreakOrder:", dumps),
		rule("no order back at the off-slab limit", "geometry.go",
			"case g.OffSlab && g.Num > offSlabLimit:", "case false:", table),
		rule("one object too few", "geometry.go",
			"return used(n) > bytes }", "return used(n) >= bytes }", dumps),
		rule("nothing caps the objects of a slab", "geometry.go",
			"g.Num = min(max(tooMany-1, 0), l.slabLimit())", "g.Num = max(tooMany-1, 0)", "layout_test.go"),
		rule("colours step by a line alone", "geometry.go",
			"g.ColourOff = max(l.CacheLine, g.Align)", "g.ColourOff = l.CacheLine", table),
		rule("a shared array for objects above a page", "geometry.go",
			"if l.SMP && g.ObjSize <= l.PageSize {", "if l.SMP {", dumps),
		rule("a shared array on one CPU", "geometry.go",
			"if l.SMP && g.ObjSize <= l.PageSize {", "if g.ObjSize <= l.PageSize {", dumps),
		rule("batches round down", "geometry.go",
			"g.Batch = (g.Limit + 1) / 2", "g.Batch = max(1, (g.Limit - 1) / 2)", dumps),
		rule("a descriptor never moves onto the slab", "descriptor.go",
			"if g.OffSlab && l.OffSlab == OffSlabLarge && g.Left >= padded {", "if false {", table),
		rule("a moved descriptor takes no room", "descriptor.go",
			"g.Left -= padded", "g.Left -= 0", table),
		rule("the management area is not padded", "descriptor.go",
			"return roundUp(n, align)", "return n", table),
		rule("2.6.5 pads to the alignment", "descriptor.go",
			"return roundUp(n, l.CacheLine)", "return roundUp(n, align)", table),
		rule("the off-slab limit is of the last general cache", "descriptor.go",
			"if err == nil && !g.OffSlab {", "if err == nil && g.Num > 0 {", table),
		rule("descriptors off the slabs of descriptors", "descriptor.go",
			"l.OffSlab, l.MinObjects = OffSlabNever, 0", "l.MinObjects = 0", table),
		rule("as many descriptors on a slab as there would be objects", "descriptor.go",
			"l.OffSlab, l.MinObjects = OffSlabNever, 0", "l.OffSlab = OffSlabNever", table),
		rule("a page of objects is enough", "geometry.go",
			"case g.Num < l.MinObjects:", "case false:", table),
		rule("a reciprocal that is exact, so that all starts look alike", "divide.go",
			"mul := quo + 1", "mul := quo", "divide_test.go"),
		rule("the object behind the last one", "divide.go",
			"uint64(num) *", "uint64(num+1) *", "divide_test.go"),
	})
}
