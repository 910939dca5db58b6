package kmem

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

// TestDebugAs269 looks at the memory: guard words, patterns, the caller's word,
// and when the constructor runs.
func TestDebugAs269(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		runs := 0
		ctor := func(p Pointer) {
			if runs++; runs == 1 {
				if b := bytesAt(p, 24); b[0] != poisonFresh || b[23] != poisonEnd {
					t.Errorf("the constructor finds % x", b)
				}
			}
			copy(bytesAt(p, 24), "constructed")
		}
		c := newTestCache(t, h, "c", 24, CacheOptions{Flags: RedZone | Poison | StoreUser, Ctor: ctor})
		if g := c.Geometry(); g.ObjSize != 48 || g.ObjOffset != 8 || g.Align != 8 {
			t.Fatalf("%+v", g)
		}
		p := c.Alloc()
		slot := bytesAt(at(p, ^uintptr(7)), 48)
		word := func(i int) uint64 { return binary.NativeEndian.Uint64(slot[8*i:]) }
		if runs != 1 || word(0) != 0x170FC2A5 || word(4) != 0x170FC2A5 || string(slot[8:19]) != "constructed" {
			t.Errorf("allocated, after %d runs of the constructor: % x", runs, slot)
		}
		if f := runtime.FuncForPC(uintptr(word(5)) - 1); f == nil || !strings.Contains(f.Name(), "TestDebugAs269") {
			t.Errorf("the last caller is %v", f)
		}
		c.Free(p)
		if word(0) != 0x5A2CF071 || word(4) != 0x5A2CF071 || !bytes.Equal(slot[8:31], bytes.Repeat([]byte{0x6b}, 23)) || slot[31] != 0xa5 {
			t.Errorf("free: % x", slot)
		}
		c.Free(c.Alloc())
		if runs != 2 {
			t.Errorf("the constructor ran %d times for two allocations", runs)
		}

		runs = 1
		plain := newTestCache(t, h, "plain", 24, CacheOptions{Flags: RedZone | DestroyByRCU, Ctor: ctor})
		q := plain.Alloc()
		if runs != 1+plain.Geometry().Num || string(bytesAt(q, 11)) != "constructed" {
			t.Errorf("without poison the constructor ran %d times for a slab of %d", runs-1, plain.Geometry().Num)
		}
		plain.Free(q)
		if plain.Alloc() != q {
			t.Error("an object of a debug cache is not reused at once")
		}
		plain.Free(q)
	})
}

// TestDebugWalk runs the plain cycle in caches with every legal set of debug
// flags, by both kinds of caller.
func TestDebugWalk(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{RedZone, Poison, StoreUser, DebugInitial, RedZone | DestroyByRCU, debugFlags} {
			h := newTestHeap(t, HeapOptions{Layout: layout})
			for _, size := range []int{8, 100, 500, 4096, 20000} {
				c := newTestCache(t, h, "c", size, CacheOptions{Flags: flags, Ctor: func(p Pointer) { clear(bytesAt(p, size)) }})
				onCPU(func(cpu *smp.CPU) {
					l := c.On(cpu)
					var live []Pointer
					for i := range 120 {
						alloc := l.Alloc
						if i%2 == 0 {
							alloc = c.Alloc
						}
						p := alloc()
						if c.Validate(p) != nil {
							t.Fatalf("flags %v size %d: %v", flags, size, c.Validate(p))
						}
						live = append(live, p)
						if i%3 == 0 {
							l.Free(live[0])
							live = live[1:]
						}
					}
					if s := c.Stats(); s.Active != len(live) {
						t.Errorf("flags %v size %d: %d active, want %d", flags, size, s.Active, len(live))
					}
					for _, p := range live {
						c.Free(p)
					}
				})
				if bad := c.Audit(); bad != nil {
					t.Error(bad)
				}
				if err := c.Destroy(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestDebugCtorPanics: with poison the constructor runs for each allocation, and
// an object that it gives up is free again.
func TestDebugCtorPanics(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{Flags: Poison, Ctor: func(Pointer) { panic("own words") }})
	for range 3 {
		mustPanic(t, "own words", func() { c.Alloc() })
	}
	if s := c.Stats(); s.Active != 0 {
		t.Errorf("%d active", s.Active)
	}
}

// TestDebugHeap: a debug build gives every cache what it can have.
func TestDebugHeap(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout, Debug: DebugOptions{All: true}})
		for _, tt := range []struct {
			size int
			with Flags
			want Flags
		}{
			{64, 0, RedZone | StoreUser | Poison},
			{64, DestroyByRCU, RedZone | StoreUser},
			{4096, 0, Poison},
			{4100, 0, RedZone | StoreUser | Poison},
			{8192, DestroyByRCU, 0},
		} {
			c := newTestCache(t, h, "c", tt.size, CacheOptions{Flags: tt.with})
			if got := c.Flags() & debugFlags; got != tt.want {
				t.Errorf("%d bytes with %v: %v, want %v", tt.size, tt.with, got, tt.want)
			}
			c.Free(c.Alloc())
			if err := c.Destroy(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestDebugBulk: bulk goes through the same checks.
func TestDebugBulk(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h, found := debugHeap(t, HeapOptions{Layout: layout, Limit: 1 << 20})
		c := newTestCache(t, h, "c", 1000, CacheOptions{Flags: RedZone | StoreUser})
		objs := make([]Pointer, 500)
		onCPU(func(cpu *smp.CPU) {
			l := c.On(cpu)
			for _, bulk := range []interface {
				AllocBulk([]Pointer) error
				FreeBulk([]Pointer)
			}{l, c} {
				if err := bulk.AllocBulk(objs); err != nil {
					t.Fatal(err)
				}
				mustPanic(t, "foreign pointer", func() { bulk.FreeBulk(append(objs[:3:3], Pointer(new(int)))) })
				if s := c.Stats(); s.Active != len(objs) {
					t.Fatalf("after a refused FreeBulk %d of %d are active", s.Active, len(objs))
				}
				poke(c, objs[100], 1000)
				bulk.FreeBulk(objs)
				if len(*found) != 1 || (*found)[0].Kind != RedZoneOverwritten {
					t.Fatalf("%v", *found)
				}
				bulk.FreeBulk(objs[:1])
				if len(*found) != 2 || (*found)[1].Kind != DoubleFree {
					t.Fatalf("%v", *found)
				}
				*found = nil
				if err := bulk.AllocBulk(make([]Pointer, 2000)); !errors.Is(err, ErrNoMemory) {
					t.Fatalf("beyond the limit: %v", err)
				}
			}
		})
	})
}
