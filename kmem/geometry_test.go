// The geometry against the numbers that its formulas are known to give, and
// against what must hold for every layout, size and alignment.

package kmem

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func mustLayout(t *testing.T, name string) Layout {
	t.Helper()
	l, err := ParseLayout(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestGeometryGolden holds known objects per slab and pages per slab, and the
// rule that each line is there for.
func TestGeometryGolden(t *testing.T) {
	type want struct {
		layout      string
		size, align int
		flags       Flags
		objSize     int
		num, pages  int
		offSlab     bool
		colours     int
	}
	const hw = HWCacheAlign
	for _, w := range []want{
		// The general caches of 2.6.8 to 2.6.13 ...
		{"2.6.9", 32, 0, hw, 32, 119, 1, false, 0},
		{"2.6.9", 64, 0, hw, 64, 61, 1, false, 0},
		{"2.6.9-i386", 96, 0, 0, 96, 41, 1, false, 0},
		{"2.6.9", 128, 0, hw, 128, 31, 1, false, 0},
		{"2.6.9", 192, 0, hw, 192, 20, 1, false, 2},
		{"2.6.9", 256, 0, hw, 256, 15, 1, false, 2},
		{"2.6.9", 512, 0, hw, 512, 8, 1, true, 0},
		{"2.6.9", 1024, 0, hw, 1024, 4, 1, true, 0},
		{"2.6.9", 2048, 0, hw, 2048, 2, 1, true, 0},
		{"2.6.9", 4096, 0, hw, 4096, 1, 1, true, 0},
		{"2.6.9", 8192, 0, hw, 8192, 1, 2, true, 0},
		{"2.6.9", 131072, 0, hw, 131072, 1, 32, true, 0},
		// ... and of 2.6.14, with its larger header and bufctl.
		{"2.6.14-i386", 32, 0, hw, 32, 113, 1, false, 0},
		{"2.6.14", 32, 0, hw, 32, 112, 1, false, 0},
		{"2.6.14", 64, 0, hw, 64, 59, 1, false, 0},
		{"2.6.14", 128, 0, hw, 128, 30, 1, false, 1},
		{"2.6.14", 256, 0, hw, 256, 15, 1, false, 2},
		// anon_vma, for which the flag was made.
		{"2.6.8-i386-up", 8, 0, DestroyByRCU, 8, 407, 1, false, 0},
		{"2.6.9-i386", 12, 0, DestroyByRCU, 12, 290, 1, false, 0},
		{"2.6.9-i386", 16, 0, DestroyByRCU, 16, 226, 1, false, 0},
		{"2.6.9", 24, 0, DestroyByRCU, 24, 156, 1, false, 0},
		{"2.6.9", 16, 0, DestroyByRCU, 16, 225, 1, false, 0},
		{"2.6.14", 24, 0, DestroyByRCU, 24, 144, 1, false, 0},
		{"2.6.14-i386", 12, 0, DestroyByRCU, 12, 254, 1, false, 0},
		// Alignments: as given with the flag ignored, or the greatest of both.
		{"2.6.9", 224, 32, hw, 224, 17, 1, false, 3},
		{"2.6.11", 224, 32, hw, 256, 15, 1, false, 2},
		{"2.6.11", 64, 256, hw, 256, 15, 1, false, 0},
		{"2.6.5", 72, 128, 0, 72, 53, 1, false, 0},
		{"2.6.5", 72, 128, hw, 128, 30, 1, false, 1},
		{"2.6.5-mm-i386", 72, 0, 0, 128, 30, 1, false, 1},
		{"2.6.5-mm-i386", 72, 4, hw, 72, 53, 1, false, 0},
		// A line is halved as long as the object fits the half, by the size
		// asked for: 20 bytes get a half line, 33 all of it.
		{"2.6.9", 20, 0, hw, 32, 119, 1, false, 0},
		{"2.6.9", 33, 0, hw, 64, 61, 1, false, 0},
		{"2.6.9", 32, 0, hw | MustHWCacheAlign, 32, 119, 1, false, 0},
		// Sizes are whole words, whatever the alignment.
		{"2.6.9", 10, 4, 0, 16, 225, 1, false, 0},
		{"2.6.9", 505, 0, 0, 512, 8, 1, true, 0},
		// The off-slab test is made before the size is aligned.
		{"2.6.9", 450, 64, 0, 512, 7, 1, false, 7},
		{"2.6.9", 504, 64, 0, 512, 7, 1, false, 7},
		{"2.6.9", 512, 64, 0, 512, 8, 1, true, 0},
		// An off-slab descriptor moves onto a slab that has the room left.
		{"2.6.9", 1176, 0, ReclaimAccount, 1176, 3, 1, false, 8},
		{"2.6.9", 1176, 0, 0, 1176, 6, 2, false, 16},
		{"2.6.9", 832, 64, 0, 832, 9, 2, false, 10},
		{"2.6.9", 816, 0, 0, 816, 5, 1, true, 0},
		// Orders: least waste up to the break order, held to a page by reclaim
		// accounting, as far as it takes for one object.
		{"2.6.9", 840, 0, 0, 840, 9, 2, false, 8},
		{"2.6.9", 840, 0, ReclaimAccount, 840, 4, 1, false, 10},
		{"2.6.9", 2112, 64, 0, 2112, 3, 2, false, 28},
		{"2.6.9", 4104, 0, ReclaimAccount, 4104, 1, 2, false, 63},
		{"2.6.9", 9000, 0, 0, 9000, 1, 4, false, 114},
		// Up to 2.6.5 the management area was padded to a line, and reclaim
		// accounting did not hold the order down.
		{"2.6.5", 24, 0, 0, 24, 144, 1, false, 0},
		{"2.6.5", 840, 0, ReclaimAccount, 840, 9, 2, false, 7},
		// The runtime's own: 512 objects and nothing else, or eight pages of them.
		{"native", 1, 0, 0, 8, 512, 1, true, 0},
		{"native", 16, 0, 0, 16, 512, 2, true, 0},
		{"native", 24, 0, 0, 24, 682, 4, true, 0},
		{"native", 64, 0, 0, 64, 512, 8, true, 0},
		{"native", 65, 0, hw, 128, 256, 8, true, 0},
		{"native", 700, 0, 0, 704, 46, 8, true, 6},
		{"native", 700, 0, ReclaimAccount, 704, 5, 1, true, 9},
		{"native", 2112, 0, 0, 2112, 15, 8, true, 17},
		{"native", 9000, 0, 0, 9000, 3, 8, true, 90},
		{"native", 131072, 0, 0, 131072, 1, 32, true, 0},
	} {
		g, err := mustLayout(t, w.layout).Geometry(w.size, w.align, w.flags)
		if err != nil {
			t.Errorf("%+v: %v", w, err)
			continue
		}
		got := want{w.layout, w.size, w.align, w.flags, g.ObjSize, g.Num, 1 << g.Order, g.OffSlab, g.Colours}
		if got != w {
			t.Errorf("got  %+v\nwant %+v\n%s", got, w, g)
		}
	}
}

// TestGeometryArrays: limits by size, with the sizes on both sides of each step.
func TestGeometryArrays(t *testing.T) {
	for _, w := range []struct{ size, limit, batch, shared, freeLimit2 int }{
		{8, 120, 60, 8, 180 + 405},
		{256, 120, 60, 8, 180 + 15},
		{264, 54, 27, 8, 81 + 15},
		{1024, 54, 27, 8, 81 + 4},
		{1032, 24, 12, 8, 36 + 7},
		{4096, 24, 12, 8, 36 + 1},
		{4104, 8, 4, 0, 12 + 1},
		{131072, 8, 4, 0, 12 + 1},
	} {
		g, err := Layout2_6_9.Geometry(w.size, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if g.Limit != w.limit || g.Batch != w.batch || g.SharedFactor != w.shared || g.FreeLimit(2) != w.freeLimit2 {
			t.Errorf("size %d: limit %d batch %d shared %d free limit %d, want %+v",
				w.size, g.Limit, g.Batch, g.SharedFactor, g.FreeLimit(2), w)
		}
	}
	debug := Layout2_6_9
	debug.Debug = true
	if g, _ := debug.Geometry(64, 0, 0); g.Limit != 32 || g.Batch != 16 {
		t.Errorf("debug build: limit %d batch %d, want 32 and 16", g.Limit, g.Batch)
	}
	big := Layout2_6_9
	big.MaxOrder = 6
	if g, _ := big.Geometry(128<<10+1, 0, 0); g.Limit != 1 || g.Batch != 1 {
		t.Errorf("above 128 KiB: limit %d batch %d, want 1 and 1", g.Limit, g.Batch)
	}
}

// TestGeometryGuards: red zones and the caller's word, and what drops them.
func TestGeometryGuards(t *testing.T) {
	for _, w := range []struct {
		layout                     string
		align                      int
		flags                      Flags
		objSize, objOffset, aligns int
		left                       Flags
	}{
		{"2.6.9", 0, RedZone, 56, 8, 8, RedZone},
		{"2.6.9", 0, StoreUser, 48, 0, 8, StoreUser},
		{"2.6.9", 0, RedZone | StoreUser | HWCacheAlign, 64, 8, 8, RedZone | StoreUser | HWCacheAlign},
		{"2.6.9", 8, RedZone | StoreUser, 40, 0, 8, 0},
		{"2.6.11", 8, RedZone, 56, 8, 8, RedZone},
		{"2.6.11", 16, RedZone, 48, 0, 16, 0},
		{"2.6.11", 0, StoreUser | HWCacheAlign, 48, 0, 8, StoreUser | HWCacheAlign},
		{"2.6.5-mm-i386", 16, StoreUser, 48, 0, 16, 0},
		{"2.6.5", 64, StoreUser, 48, 0, 8, StoreUser},
	} {
		g, err := mustLayout(t, w.layout).Geometry(40, w.align, w.flags)
		if err != nil || g.ObjSize != w.objSize || g.ObjOffset != w.objOffset || g.Align != w.aligns || g.Flags != w.left {
			t.Errorf("%+v: got size %d offset %d align %d flags %s, %v", w, g.ObjSize, g.ObjOffset, g.Align, g.Flags, err)
		}
	}
}

// TestGeometryOffSlabLimit: what the general caches leave, and what reaching it
// does. No real object is small enough to reach it, so the test moves the limit.
func TestGeometryOffSlabLimit(t *testing.T) {
	for name, want := range map[string]int{
		"2.6.9": 108, "2.6.9-i386": 116, "2.6.8-i386-up": 116, "2.6.14": 52, "2.6.14-i386": 57,
	} {
		if got := mustLayout(t, name).offSlabLimit(); got != want {
			t.Errorf("layout %s: off-slab limit %d, want %d", name, got, want)
		}
	}
	for _, w := range []struct{ size, limit, num, order int }{
		{832, 9, 9, 1}, // at the limit
		{832, 8, 4, 0}, // above it: one order back
		{832, 3, 4, 0}, // at order 0 there is no way back
	} {
		g, err := Layout2_6_9.place(w.size, 0, 0, w.limit)
		if err != nil || g.Num != w.num || g.Order != w.order || g.Left < 0 {
			t.Errorf("%+v: num %d order %d left %d, %v", w, g.Num, g.Order, g.Left, err)
		}
	}
}

// TestGeometryDescriptors: which object holds an off-slab descriptor.
func TestGeometryDescriptors(t *testing.T) {
	for _, w := range []struct {
		layout            string
		size, mgmt, descs int
	}{
		{"2.6.9", 512, 56, 64},
		{"2.6.9", 4096, 42, 64},
		{"2.6.8-i386-up", 512, 40, 64},
		{"2.6.8-i386-up", 4096, 26, 32},
		{"native", 64, 104, 104},
		{"native", 8, 104, 104},
		{"native", 4096, 48, 48},
	} {
		g, err := mustLayout(t, w.layout).Geometry(w.size, 0, 0)
		if err != nil || !g.OffSlab || g.MgmtSize != w.mgmt || g.DescSize != w.descs || g.FirstObject() != 0 {
			t.Errorf("%+v: %s, descriptors of %d, %v", w, g, g.DescSize, err)
		}
	}
	// A descriptor's own slabs are never off-slab, or they would never end.
	for _, l := range Layouts() {
		for size := l.Word; size <= 256; size += l.Word {
			g, err := l.descriptors().Geometry(size, 0, 0)
			if err != nil || g.OffSlab {
				t.Errorf("descriptors of %d bytes in layout %s: %s, %v", size, l, g, err)
			}
		}
	}
	if g, _ := LayoutNative.descriptors().Geometry(48, 0, 0); g.Num != 84 || g.MgmtSize != 56 {
		t.Errorf("native descriptors: %s, want 84 on a page behind 56 bytes", g)
	}
}

// TestGeometryImpossible: what cannot be laid out is an error that says what was
// given and what is legal.
func TestGeometryImpossible(t *testing.T) {
	broken := LayoutNative
	broken.PageSize = 1000
	small := Layout2_6_9
	small.MaxOrder, small.BreakOrder = 0, 0
	for _, w := range []struct {
		layout      Layout
		size, align int
		says        string
	}{
		{Layout2_6_9, 7, 0, "size 7 is impossible; layout 2.6.9 has 8 to 131072"},
		{LayoutNative, 0, 0, "size 0 is impossible; layout native has 1 to 131072"},
		{LayoutNative, -8, 0, "size -8"},
		{LayoutNative, 131073, 0, "size 131073"},
		{LayoutNative, 64, 24, "alignment 24 is impossible"},
		{LayoutNative, 64, -8, "alignment -8"},
		{LayoutNative, 64, 8192, "from 1 to the page size 4096"},
		{small, 64, 4096, "no object of 4096 bytes aligned to 4096 fits a slab of 4096"},
		{broken, 64, 0, "PageSize must be"},
	} {
		g, err := w.layout.Geometry(w.size, w.align, 0)
		if err == nil || !strings.Contains(err.Error(), w.says) {
			t.Errorf("layout %s size %d align %d: %v, %v; want an error with %q", w.layout, w.size, w.align, g, err, w.says)
		}
	}
	if g, err := (Layout{}).Geometry(64, 0, 0); err != nil || g.Layout != LayoutNative {
		t.Errorf("the zero layout: %v, %v; want the native one", g, err)
	}
}

func drawLayout(t *rapid.T) Layout { return rapid.SampledFrom(Layouts()).Draw(t, "layout") }

func drawAlign(t *rapid.T) int {
	shift := rapid.IntRange(-1, 12).Draw(t, "align shift")
	if shift < 0 {
		return 0
	}
	return 1 << shift
}

func drawSize(t *rapid.T, l Layout) int {
	top := rapid.SampledFrom([]int{64, 600, 5000, l.MaxSize()}).Draw(t, "size range")
	return rapid.IntRange(l.MinSize, top).Draw(t, "size")
}

func drawFlags(t *rapid.T) Flags {
	return rapid.SampledFrom([]Flags{0, HWCacheAlign, ReclaimAccount, HWCacheAlign | ReclaimAccount | DestroyByRCU}).Draw(t, "flags")
}

// TestGeometryHolds: nothing overlaps, nothing is lost, nothing more would fit,
// and no smaller order would have done.
func TestGeometryHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		size, align, flags := drawSize(t, l), drawAlign(t), drawFlags(t)
		g, err := l.Geometry(size, align, flags)
		if err != nil {
			// Only a header that pushes the one object off a slab that may not
			// grow is a reason.
			if flags&ReclaimAccount == 0 || l.OffSlab == OffSlabAlways || align <= 1024 {
				t.Fatal(err)
			}
			return
		}
		if g.ObjSize < size || g.ObjSize%g.Align != 0 || g.ObjSize%l.Word != 0 && align >= l.Word {
			t.Fatalf("%s: objects do not hold their size and alignment", g)
		}
		if got := g.FirstObject() + g.Num*g.ObjSize + g.Left; got != g.SlabBytes() || g.Left < 0 {
			t.Fatalf("%s: header, objects and rest make %d of %d bytes", g, got, g.SlabBytes())
		}
		if g.FirstObject()%g.Align != 0 || g.ColourOff%g.Align != 0 || g.ColourOff < l.CacheLine {
			t.Fatalf("%s: object 0 is not aligned for every colour", g)
		}
		if g.Colours*g.ColourOff > g.Left || (g.Colours+1)*g.ColourOff <= g.Left {
			t.Fatalf("%s: %d colours of %d in %d bytes", g, g.Colours, g.ColourOff, g.Left)
		}
		if !g.OffSlab && g.MgmtSize < l.mgmtBytes(g.Num) {
			t.Fatalf("%s: bufctl does not fit", g)
		}
		if g.OffSlab && (g.DescSize < g.MgmtSize || g.Left >= g.ObjSize) {
			t.Fatalf("%s: descriptor of %d, or another object fits", g, g.DescSize)
		}
		if g.Batch < 1 || g.Batch > g.Limit {
			t.Fatalf("%s: batch", g)
		}
		if flags&ReclaimAccount != 0 && l.ReclaimOrderZero && g.ObjSize <= l.PageSize && g.Order != 0 {
			t.Fatalf("%s: reclaimable slabs are one page", g)
		}
	})
}

// TestGeometryNativeWaste: in the runtime's own layout no slab of objects up to a
// page wastes more than an eighth, none is larger than it must be for that and for its
// objects, and 64 bytes waste nothing.
func TestGeometryNativeWaste(t *testing.T) {
	for size := 8; size <= 4096; size += 8 {
		g, err := LayoutNative.Geometry(size, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if g.Left*8 > g.SlabBytes() {
			t.Errorf("%s: wastes more than an eighth", g)
		}
		if g.Order > 0 {
			one := g.SlabBytes() / 2
			if one%size*8 <= one && one/size >= LayoutNative.MinObjects {
				t.Errorf("%s: half the pages would have done", g)
			}
		}
	}
	if g, _ := LayoutNative.Geometry(64, 0, 0); g.Overhead() > 0.03 {
		t.Errorf("%s: overhead %.3f, want at most 0.03", g, g.Overhead())
	}
}

// TestGeometryRuns: every layout that may be run has room for the runtime's own
// descriptor, for all sizes and alignments.
func TestGeometryRuns(t *testing.T) {
	for _, l := range Layouts() {
		if l.Runnable() != nil {
			continue
		}
		for _, profile := range []Layout{l, l.descriptors()} {
			most := l.MaxSize()
			if profile.OffSlab == OffSlabNever {
				most = l.PageSize // more than any descriptor
			}
			for align := 0; align <= 4096; align = max(1, align*2) {
				for size := l.MinSize; size <= most; size += 1 + size/64 {
					g, err := profile.runGeometry(size, align, 0)
					if err != nil {
						if l.Align == AlignFlagOnly && align > l.Word {
							continue // it cannot be had, and that was said
						}
						t.Fatalf("layout %s size %d align %d: %v", l, size, align, err)
					}
					if g.MgmtSize < slabDescBytes(g.Num) || g.OffSlab && g.DescSize < g.MgmtSize {
						t.Fatalf("%s: no room for %d bytes of descriptor", g, slabDescBytes(g.Num))
					}
					if g.FirstObject()%8 != 0 || g.ObjSize%8 != 0 {
						t.Fatalf("%s: objects are not on words", g)
					}
				}
			}
		}
	}
	if _, err := mustLayout(t, "2.6.5").runGeometry(64, 256, 0); err == nil || !strings.Contains(err.Error(), "alignment 256 cannot be had") {
		t.Errorf("layout 2.6.5 gave alignment 256: %v", err)
	}
}
