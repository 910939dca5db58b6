// Create flags: their names, bits and refused combinations. Read before stop 1
// of the walk in doc.go; nothing here touches memory.

package kmem

import (
	"fmt"
	"strings"
)

// Flags are the create flags of a cache. The bit values are those of Linux 2.6,
// so that a flag word from a crash dump or an old text reads the same here.
// The zero value asks for nothing.
type Flags uint32

const (
	// DebugInitial checks when an object is freed that it is as its constructor
	// leaves it. It runs the constructor four times when the cache is made, to see
	// what that sets.
	DebugInitial Flags = 0x200
	// RedZone puts a guard word in front of and behind every object, and looks at
	// both at each allocation and free. It and the other debug flags make every
	// call take the cache's lock.
	RedZone Flags = 0x400
	// Poison fills free objects with a pattern and checks it when they are allocated
	// and when their slab goes. The constructor then runs at each allocation, and
	// the destructor at each free.
	Poison Flags = 0x800
	// NoReap keeps the periodic reaper away. Shrink, Destroy, the free limit
	// and memory pressure take slabs all the same.
	NoReap Flags = 0x1000
	// HWCacheAlign aligns objects to a cache line, or to the half, quarter, ...
	// of a line that still holds a small object.
	HWCacheAlign Flags = 0x2000
	// CacheDMA takes pages that 32-bit devices can address: below 4 GiB, from a
	// reservation of [DMAReserve] bytes on top of the heap's. Where the system has
	// none, creation fails with an error that wraps errors.ErrUnsupported.
	CacheDMA Flags = 0x4000
	// MustHWCacheAlign is legal and has no effect of its own. Up to 2.6.5 it
	// only suppressed forced red zones; it never stopped the halving of
	// [HWCacheAlign].
	MustHWCacheAlign Flags = 0x8000
	// StoreUser keeps the last caller behind every object, and who allocated and
	// freed it last, with stack and time, beside the slab: for reports and
	// [Heap.Leaks].
	StoreUser Flags = 0x10000
	// ReclaimAccount counts the cache's pages as reclaimable and holds its slabs
	// to one page where the objects fit one.
	ReclaimAccount Flags = 0x20000
	// Panic makes a failed creation panic instead of returning the error.
	Panic Flags = 0x40000
	// DestroyByRCU gives the pages of an empty slab back only after a grace
	// period. It delays pages, not objects: an object may be handed out again at
	// once, and a reader must check what it found. Linux calls it
	// SLAB_TYPESAFE_BY_RCU today.
	DestroyByRCU Flags = 0x80000
)

// legal are all flags that have a name.
const legal = DebugInitial | RedZone | Poison | NoReap | HWCacheAlign | CacheDMA |
	MustHWCacheAlign | StoreUser | ReclaimAccount | Panic | DestroyByRCU

// debugFlags change what an object looks like and cost time at every call.
const debugFlags = RedZone | Poison | StoreUser | DebugInitial

// flagNames holds every name once, in the order in which flags print: what a
// reader must know first comes first.
var flagNames = []struct {
	flag Flags
	name string
}{
	{DestroyByRCU, "destroy_by_rcu"},
	{HWCacheAlign, "hwcache_align"},
	{MustHWCacheAlign, "must_hwcache_align"},
	{ReclaimAccount, "reclaim_account"},
	{NoReap, "no_reap"},
	{CacheDMA, "cache_dma"},
	{Panic, "panic"},
	{RedZone, "red_zone"},
	{Poison, "poison"},
	{StoreUser, "store_user"},
	{DebugInitial, "debug_initial"},
}

// flagAliases are names that are read and never printed.
var flagAliases = map[string]Flags{
	"none":            0,
	"typesafe_by_rcu": DestroyByRCU,
}

// String returns the kernel's names in lower case joined by "+", such as
// "destroy_by_rcu+panic", "none" for no flag, and bits without a name as one
// hexadecimal number at the end.
func (f Flags) String() string {
	if f == 0 {
		return "none"
	}
	var names []string
	for _, n := range flagNames {
		if f&n.flag != 0 {
			names = append(names, n.name)
		}
	}
	if rest := f &^ legal; rest != 0 {
		names = append(names, fmt.Sprintf("%#x", uint32(rest)))
	}
	return strings.Join(names, "+")
}

// MarshalText returns the form of [Flags.String]; bits without a name are an error.
func (f Flags) MarshalText() ([]byte, error) {
	if rest := f &^ legal; rest != 0 {
		return nil, fmt.Errorf("kmem: flags %#x: no flag has the bits %#x", uint32(f), uint32(rest))
	}
	return []byte(f.String()), nil
}

// UnmarshalText is [ParseFlags] on the receiver. It leaves f alone on error.
func (f *Flags) UnmarshalText(text []byte) error {
	v, err := ParseFlags(string(text))
	if err != nil {
		return err
	}
	*f = v
	return nil
}

// ParseFlags reads names separated by commas or plus signs, in any case and with
// or without the kernel's SLAB_ prefix: "destroy_by_rcu+panic",
// "SLAB_HWCACHE_ALIGN,SLAB_PANIC", "none", "typesafe_by_rcu". The empty string
// is no flag. An unknown name gives an error that lists the legal ones.
func ParseFlags(s string) (Flags, error) {
	if strings.TrimSpace(s) == "" {
		return 0, nil
	}
	var f Flags
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '+' }) {
		name := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(word)), "slab_")
		bit, ok := flagByName(name)
		if !ok {
			return 0, fmt.Errorf("kmem: flags %q: unknown flag %q; legal are %s", s, strings.TrimSpace(word), legalFlagNames())
		}
		f |= bit
	}
	return f, nil
}

func flagByName(name string) (Flags, bool) {
	for _, n := range flagNames {
		if n.name == name {
			return n.flag, true
		}
	}
	f, ok := flagAliases[name]
	return f, ok
}

func legalFlagNames() string {
	names := []string{"none"}
	for _, n := range flagNames {
		names = append(names, n.name)
	}
	return strings.Join(names, ", ") + " and typesafe_by_rcu for destroy_by_rcu"
}

// refusal is one line of the table of combinations that cannot work.
type refusal struct {
	all    Flags // refused when all of these are set ...
	ctor   tri   // ... and a constructor is or is not there
	dtor   tri   // ... and a destructor is or is not there
	reason string
}

// tri is a condition on something that may be there: any, with or without.
type tri uint8

const (
	any3 tri = iota
	with
	without
)

func (t tri) holds(present bool) bool {
	return t == any3 || (t == with) == present
}

// refusals are looked at in order; the first that holds gives the reason.
var refusals = []refusal{
	{dtor: with, ctor: without,
		reason: "a destructor without a constructor has no state to undo"},
	{all: DestroyByRCU, dtor: with,
		reason: "a reader may still look at an object of a destroyed slab, so no destructor may run on it"},
	{all: DestroyByRCU | Poison,
		reason: "poisoning overwrites a freed object while a reader may look at it, and loses its constructed state"},
	{all: DebugInitial, ctor: without,
		reason: "debug_initial verifies the constructor's work and there is no constructor"},
}

// checkFlags says whether a cache may be created with these flags: every bit has
// a name, and no line of the table above holds.
func checkFlags(f Flags, hasCtor, hasDtor bool) error {
	if rest := f &^ legal; rest != 0 {
		return fmt.Errorf("flags %s: no flag has the bits %#x; legal are %s", f, uint32(rest), legalFlagNames())
	}
	for _, r := range refusals {
		if f&r.all == r.all && r.ctor.holds(hasCtor) && r.dtor.holds(hasDtor) {
			return fmt.Errorf("flags %s refused: %s", f, r.reason)
		}
	}
	return nil
}
