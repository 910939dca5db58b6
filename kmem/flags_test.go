// Create flags: names, bits, and what is refused.

package kmem

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFlagBits: the kernel's numbers.
func TestFlagBits(t *testing.T) {
	for f, want := range map[Flags]uint32{
		DebugInitial: 0x200, RedZone: 0x400, Poison: 0x800, NoReap: 0x1000, HWCacheAlign: 0x2000, CacheDMA: 0x4000,
		MustHWCacheAlign: 0x8000, StoreUser: 0x10000, ReclaimAccount: 0x20000, Panic: 0x40000, DestroyByRCU: 0x80000,
	} {
		if uint32(f) != want {
			t.Errorf("%s is %#x, want %#x", f, uint32(f), want)
		}
	}
}

func TestFlagsText(t *testing.T) {
	for _, w := range []struct {
		in   string
		want Flags
		out  string
	}{
		{"", 0, "none"},
		{" ", 0, "none"},
		{"none", 0, "none"},
		{"destroy_by_rcu", DestroyByRCU, "destroy_by_rcu"},
		{"typesafe_by_rcu", DestroyByRCU, "destroy_by_rcu"},
		{"SLAB_TYPESAFE_BY_RCU", DestroyByRCU, "destroy_by_rcu"},
		{"panic,destroy_by_rcu", DestroyByRCU | Panic, "destroy_by_rcu+panic"},
		{"Panic + SLAB_HWCACHE_ALIGN", Panic | HWCacheAlign, "hwcache_align+panic"},
		{"none,no_reap", NoReap, "no_reap"},
		{"must_hwcache_align+cache_dma+reclaim_account", MustHWCacheAlign | CacheDMA | ReclaimAccount, "must_hwcache_align+reclaim_account+cache_dma"},
		{"red_zone,poison,store_user,debug_initial", debugFlags, "red_zone+poison+store_user+debug_initial"},
	} {
		got, err := ParseFlags(w.in)
		if err != nil || got != w.want || got.String() != w.out {
			t.Errorf("%q: %s, %v; want %s", w.in, got, err, w.out)
		}
	}
	if s := (Panic | 0x1).String(); s != "panic+0x1" {
		t.Errorf("bits without a name: %q", s)
	}
	if _, err := (Panic | 0x1).MarshalText(); err == nil || !strings.Contains(err.Error(), "0x1") {
		t.Errorf("bits without a name were marshalled: %v", err)
	}
}

func TestFlagsUnknown(t *testing.T) {
	f := Panic
	err := f.UnmarshalText([]byte("panic,fast"))
	if err == nil || !strings.Contains(err.Error(), `"fast"`) || !strings.Contains(err.Error(), "hwcache_align") ||
		!strings.Contains(err.Error(), "typesafe_by_rcu") {
		t.Errorf("unknown flag: %v; want its name and the legal ones", err)
	}
	if f != Panic {
		t.Error("a failed read changed the flags")
	}
}

// TestFlagsRoundTrip: what prints, reads.
func TestFlagsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Flags(rapid.Uint32().Draw(t, "bits")) & legal
		text, err := f.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Flags
		if err := back.UnmarshalText(text); err != nil || back != f {
			t.Fatalf("%s reads as %s, %v", text, back, err)
		}
	})
}

func TestCheckFlags(t *testing.T) {
	for _, w := range []struct {
		flags      Flags
		ctor, dtor bool
		says       string // "" is legal
	}{
		{0, false, false, ""},
		{0, true, true, ""},
		{HWCacheAlign | MustHWCacheAlign | NoReap | ReclaimAccount | Panic, true, true, ""},
		{DestroyByRCU | HWCacheAlign | Panic, true, false, ""},
		{DestroyByRCU, true, true, "no destructor may run"},
		{DestroyByRCU | Poison, true, false, "constructed state"},
		{0, false, true, "without a constructor"},
		{DebugInitial, false, false, "there is no constructor"},
		{CacheDMA | DestroyByRCU, false, false, ""},
		{RedZone | StoreUser | Poison, false, false, ""},
		{DebugInitial, true, false, ""},
		{1 << 31, false, false, "no flag has the bits 0x80000000"},
		{0x100 | Panic, false, false, "no flag has the bits 0x100"},
	} {
		err := checkFlags(w.flags, w.ctor, w.dtor)
		switch {
		case w.says == "" && err != nil:
			t.Errorf("%+v: %v", w, err)
		case w.says != "" && (err == nil || !strings.Contains(err.Error(), w.says)):
			t.Errorf("%+v: %v", w, err)
		}
	}
}
