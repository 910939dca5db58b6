// The layout profiles that exist by name: the runtime's own and those of the
// kernels whose /proc/slabinfo is the test of geometry.go.

package kmem

// LayoutNative is the runtime's own profile and the default. Pages hold nothing
// but objects, so that 64 objects of 64 bytes fill a page and a free touches no
// object; headers and free bitmaps are dense in caches of their own. A slab has 512
// objects or eight pages: a CPU keeps to slabs of its own (lists.go), and where one
// ends and another CPU's begins the prefetchers of both run over. On two CPUs a loop
// over plain memory whose pages are theirs in turns takes 1.83 ns, in turns of two
// pages 1.66, of eight 1.62, and 1.59 where each has a block of its own. Eight pages
// are also where any object of up to a page wastes less than an eighth. The line is
// taken as 64 bytes on every machine, so that the geometry of a cache does not depend
// on where it is computed.
//
// It is a constant: nobody writes to it.
var LayoutNative = Layout{
	Name:             "native",
	Word:             8,
	PageSize:         pageSize,
	CacheLine:        64,
	Header:           slabHeader,
	BufctlBits:       1,
	BufctlUnit:       freeMaskWordBytes,
	MinSize:          1,
	MinObjects:       512,
	BreakOrder:       3,
	MaxOrder:         5,
	ReclaimOrderZero: true,
	Align:            AlignAtLeast,
	Mgmt:             MgmtPadAlign,
	OffSlab:          OffSlabAlways,
	SMP:              true,
}

// Layout2_6_9 is x86_64 of Linux 2.6.8 and 2.6.9, several CPUs, lines of 64
// bytes, more than 32 MiB of memory: the kernel that first had DestroyByRCU. It
// is a constant.
var Layout2_6_9 = Layout{
	Name:             "2.6.9",
	Word:             8,
	PageSize:         pageSize,
	CacheLine:        64,
	Header:           40,
	BufctlBits:       16,
	BufctlUnit:       2,
	MinSize:          8,
	BreakOrder:       1,
	MaxOrder:         5,
	ReclaimOrderZero: true,
	Align:            AlignGiven,
	Mgmt:             MgmtPadAlign,
	OffSlab:          OffSlabLarge,
	SMP:              true,
}

// Layouts returns all profiles that have a name, the runtime's own first.
func Layouts() []Layout {
	return []Layout{
		LayoutNative,
		Layout2_6_9,
		layout265(),
		layout2611(),
		layout2614(),
		layout2614i386(),
		layout269i386(),
		layout268i386UP(),
		layout265mmI386(),
	}
}

// layout265 is x86_64 up to 2.6.5: the caller's alignment is not used, bufctl
// has 32 bits, the management area is padded to a line.
func layout265() Layout {
	l := Layout2_6_9
	l.Name = "2.6.5"
	l.BufctlBits, l.BufctlUnit = 32, 4
	l.Align, l.Mgmt = AlignFlagOnly, MgmtPadLine
	l.ReclaimOrderZero = false
	return l
}

// layout2611 is x86_64 of 2.6.11 to 2.6.13: alignments add up.
func layout2611() Layout {
	l := Layout2_6_9
	l.Name = "2.6.11"
	l.Align = AlignAtLeast
	return l
}

// layout2614 is x86_64 of 2.6.14: a node number in the header, and bufctl has 32
// bits again.
func layout2614() Layout {
	l := layout2611()
	l.Name = "2.6.14"
	l.Header = 48
	l.BufctlBits, l.BufctlUnit = 32, 4
	return l
}

// layout2614i386 is i386 of 2.6.14.
func layout2614i386() Layout {
	l := layout2614()
	l.Name = "2.6.14-i386"
	l.Word, l.MinSize, l.Header = 4, 4, 28
	return l
}

// layout269i386 is i386 of 2.6.8 and 2.6.9, several CPUs, lines of 64 bytes.
func layout269i386() Layout {
	l := Layout2_6_9
	l.Name = "2.6.9-i386"
	l.Word, l.MinSize, l.Header = 4, 4, 24
	return l
}

// layout268i386UP is i386 of 2.6.8, one CPU, lines of 32 bytes.
func layout268i386UP() Layout {
	l := layout269i386()
	l.Name = "2.6.8-i386-up"
	l.CacheLine = 32
	l.SMP = false
	return l
}

// layout265mmI386 is i386 of 2.6.5-mm, which aligned every cache to a line.
func layout265mmI386() Layout {
	l := layout269i386()
	l.Name = "2.6.5-mm-i386"
	l.BufctlBits, l.BufctlUnit = 32, 4
	l.Align = AlignLine
	l.ReclaimOrderZero = false
	return l
}
