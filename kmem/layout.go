// The layout profile: everything that geometry.go must know about an allocator
// beside the size, the alignment and the flags of one cache. Pure data.

package kmem

import (
	"fmt"
	"math/bits"
	"strings"
)

// Layout is the profile by which slabs are laid out. It is data: the historical
// allocators and the runtime's own run through the same formulas. The zero value
// stands for [LayoutNative] wherever a Layout is an option. Two layouts are the
// same when they compare equal.
type Layout struct {
	// Name is what [ParseLayout] reads.
	Name string

	// Word is the size of a pointer in bytes, the least alignment.
	Word int
	// PageSize is the size of a page in bytes, a power of two.
	PageSize int
	// CacheLine is the size of a cache line in bytes, a power of two.
	CacheLine int

	// Header is the size of a slab's header in bytes.
	Header int
	// BufctlBits is the room, in bits, that one object has behind the header:
	// an index of 16 or 32 bits in a free chain, or one bit in a free bitmap.
	BufctlBits int
	// BufctlUnit is what the whole bufctl area is rounded up to, in bytes.
	BufctlUnit int

	// MinSize is the least size that may be asked for, in bytes. The greatest is
	// PageSize<<MaxOrder.
	MinSize int
	// MinObjects is how many objects a slab is to hold, by more pages if need be, up
	// to BreakOrder: SLUB's slub_min_objects. 0 and 1 are no wish.
	MinObjects int
	// BreakOrder is the order at which the search for less waste gives up.
	BreakOrder int
	// MaxOrder is the order of the largest slab.
	MaxOrder int
	// ReclaimOrderZero holds caches with [ReclaimAccount] to slabs of one page.
	ReclaimOrderZero bool

	// Align says how size, alignment and flags become the alignment of objects.
	Align AlignRule
	// Mgmt says what the management area on a slab is padded to.
	Mgmt MgmtRule
	// OffSlab says which slabs keep header and bufctl off their pages.
	OffSlab OffSlabRule

	// SMP is a build for several CPUs: it has shared arrays.
	SMP bool
	// Debug is a build with slab debugging: it caps the array caches.
	Debug bool
}

// AlignRule is how the alignment of objects came about, by kernel version.
type AlignRule uint8

const (
	// AlignAtLeast, 2.6.11 and later: the greatest of the word, the caller's
	// alignment and, with [HWCacheAlign], the fraction of a line.
	AlignAtLeast AlignRule = iota
	// AlignGiven, 2.6.6 to 2.6.10: the caller's alignment as it is, and then
	// HWCacheAlign is ignored; without one, the fraction of a line or a word.
	AlignGiven
	// AlignLine, 2.6.5-mm: the caller's alignment as it is; without one always
	// the fraction of a line, flag or not.
	AlignLine
	// AlignFlagOnly, up to 2.6.5: the caller's alignment was an unused argument;
	// the fraction of a line with HWCacheAlign, else a word.
	AlignFlagOnly
)

// MgmtRule is what the management area of an on-slab slab is padded to.
type MgmtRule uint8

const (
	// MgmtPadAlign pads to the alignment of the objects.
	MgmtPadAlign MgmtRule = iota
	// MgmtPadLine, up to 2.6.5: pads to a cache line.
	MgmtPadLine
)

// OffSlabRule is which slabs keep header and bufctl off their pages.
type OffSlabRule uint8

const (
	// OffSlabLarge, all of 2.6: objects of at least an eighth of a page, unless
	// the slab has the room left over anyway.
	OffSlabLarge OffSlabRule = iota
	// OffSlabAlways keeps object pages free of anything but objects.
	OffSlabAlways
	// OffSlabNever is for the caches that hold off-slab descriptors.
	OffSlabNever
)

// MaxSize is the greatest size of an object in bytes.
func (l Layout) MaxSize() int { return l.PageSize << l.MaxOrder }

// orNative returns l, or the runtime's own layout for the zero value.
func (l Layout) orNative() Layout {
	if l == (Layout{}) {
		return LayoutNative
	}
	return l
}

// check says what makes l no layout at all.
func (l Layout) check() error {
	power := func(n int) bool { return n > 0 && bits.OnesCount(uint(n)) == 1 }
	for _, c := range []struct {
		ok   bool
		what string
	}{
		{power(l.Word), "Word must be a power of two"},
		{power(l.PageSize) && l.PageSize >= 8*l.Word, "PageSize must be a power of two of at least 8 words"},
		{power(l.CacheLine) && l.CacheLine >= l.Word && l.CacheLine <= l.PageSize, "CacheLine must be a power of two from Word to PageSize"},
		{l.Header >= 0 && l.Header < l.PageSize, "Header must be from 0 to less than PageSize"},
		{l.BufctlBits > 0 && l.BufctlBits <= 64, "BufctlBits must be 1 to 64"},
		{power(l.BufctlUnit) && l.BufctlUnit <= l.PageSize, "BufctlUnit must be a power of two up to PageSize"},
		{l.MinSize >= 1 && l.MinSize <= l.PageSize, "MinSize must be 1 to PageSize"},
		{l.MaxOrder >= 0 && l.MaxOrder <= 16, "MaxOrder must be 0 to 16"},
		{l.MinObjects >= 0, "MinObjects must be 0 or more"},
		{l.BreakOrder >= 0 && l.BreakOrder <= l.MaxOrder, "BreakOrder must be 0 to MaxOrder"},
		{l.Align <= AlignFlagOnly && l.Mgmt <= MgmtPadLine && l.OffSlab <= OffSlabNever, "Align, Mgmt and OffSlab must be one of the named rules"},
	} {
		if !c.ok {
			return fmt.Errorf("layout %q: %s", l.Name, c.what)
		}
	}
	return nil
}

// Runnable says why a heap cannot be run with l, or nil. A layout of another
// machine still has a [Layout.Geometry]. What is required: words of 8 bytes,
// the page size of the heap, orders that the page allocator has, and a header
// and bufctl area that hold the runtime's slab descriptor.
//
// The area is large enough when the header is: padded to words it has at least
// one bit an object, and one bit an object in whole words is what the runtime
// puts behind its header.
func (l Layout) Runnable() error {
	l = l.orNative()
	if err := l.check(); err != nil {
		return fmt.Errorf("kmem: %w", err)
	}
	why := ""
	switch {
	case l.Word != 8:
		why = fmt.Sprintf("words of %d bytes; the runtime has 8", l.Word)
	case l.PageSize != pageSize:
		why = fmt.Sprintf("pages of %d bytes; the runtime has %d", l.PageSize, pageSize)
	case l.MaxOrder > LayoutNative.MaxOrder:
		why = fmt.Sprintf("slabs of order %d; the greatest is %d", l.MaxOrder, LayoutNative.MaxOrder)
	case l.Header < slabHeader:
		why = fmt.Sprintf("a slab header of %d bytes; the runtime's own takes %d", l.Header, slabHeader)
	default:
		return nil
	}
	return fmt.Errorf("kmem: layout %s cannot be run, only computed: it has %s", l.Name, why)
}

// String returns the name.
func (l Layout) String() string { return l.Name }

// MarshalText returns the name.
func (l Layout) MarshalText() ([]byte, error) { return []byte(l.Name), nil }

// UnmarshalText is [ParseLayout] on the receiver. It leaves l alone on error.
func (l *Layout) UnmarshalText(text []byte) error {
	v, err := ParseLayout(string(text))
	if err != nil {
		return err
	}
	*l = v
	return nil
}

// ParseLayout returns the layout of that name. An unknown name gives an error
// that lists the legal ones.
func ParseLayout(name string) (Layout, error) {
	var names []string
	for _, l := range Layouts() {
		if l.Name == strings.ToLower(strings.TrimSpace(name)) {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Layout{}, fmt.Errorf("kmem: unknown layout %q; legal are %s", name, strings.Join(names, ", "))
}
