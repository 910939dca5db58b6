package kmem

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/smp"
)

// debugHeap returns a heap whose reports gather in the slice.
func debugHeap(t *testing.T, o HeapOptions) (*Heap, *[]*CorruptionError) {
	var found []*CorruptionError
	o.Debug.Corrupted = func(e *CorruptionError) { found = append(found, e) }
	h := newTestHeap(t, o)
	return h, &found
}

// poke changes the byte at that distance from an object.
func poke(c *Cache, p Pointer, offset int) {
	c.heap.bytes(c.heap.offset(p)+uintptr(offset), 1)[0] ^= 0xff
}

// TestPlantedCorruption plants one fault at a time and looks at the one report.
func TestPlantedCorruption(t *testing.T) {
	const size = 40
	ctor := func(p Pointer) { clear(bytesAt(p, size)) }
	for _, tt := range []struct {
		name   string
		flags  Flags
		ctor   func(Pointer)
		plant  func(t *testing.T, c *Cache, p, neighbour Pointer)
		want   Corruption
		op     string
		offset int
		found  byte
	}{
		{"behind", RedZone, nil, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			poke(c, p, size)
			c.Free(p)
		}, RedZoneOverwritten, "Free", size, 0xa5 ^ 0xff},
		{"in front", RedZone | StoreUser, nil, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			poke(c, p, -1)
			c.Free(p)
		}, RedZoneOverwritten, "Free", -1, 0xff},
		{"behind a free object", RedZone | Poison, nil, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			c.Free(p)
			poke(c, p, size+2)
			c.Free(c.Alloc())
		}, RedZoneOverwritten, "Alloc", size + 2, 0x2c ^ 0xff},
		{"written while free", Poison, nil, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			c.Free(p)
			poke(c, p, 17)
			c.Free(c.Alloc())
		}, PoisonOverwritten, "Alloc", 17, 0x6b ^ 0xff},
		{"written while free, at the end", Poison | RedZone | StoreUser, nil, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			c.Free(p)
			poke(c, p, size-1)
			c.Free(neighbour)
			c.Shrink()
		}, PoisonOverwritten, "end of a slab", size - 1, 0xa5 ^ 0xff},
		{"double free at once", RedZone | StoreUser, nil, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			c.Free(p)
			c.Free(p)
		}, DoubleFree, "Free", 0, 0},
		{"double free with others between", StoreUser, nil, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			q, r := c.Alloc(), c.Alloc()
			for _, o := range []Pointer{p, q, r, p} {
				c.Free(o)
			}
		}, DoubleFree, "Free", 0, 0},
		{"not constructed", DebugInitial, ctor, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			poke(c, p, 8)
			c.Free(p)
			if b := bytesAt(p, size); b[8] != 0 {
				t.Errorf("the next one would get %x", b)
			}
		}, NotConstructed, "Free", 8, 0xff},
		{"not constructed, and poisoned", DebugInitial | Poison, ctor, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			poke(c, p, 39)
			c.Free(p)
		}, NotConstructed, "Free", 39, 0xff},
		{"a type-stable object", DestroyByRCU | RedZone | StoreUser, ctor, func(t *testing.T, c *Cache, p, neighbour Pointer) {
			poke(c, p, size+7)
			c.Free(p)
		}, RedZoneOverwritten, "Free", size + 7, 0xff},
	} {
		t.Run(tt.name, func(t *testing.T) {
			layouts(t, func(t *testing.T, layout Layout) {
				h, found := debugHeap(t, HeapOptions{Name: "planted", Layout: layout})
				c := newTestCache(t, h, "victim", size, CacheOptions{Flags: tt.flags, Ctor: tt.ctor})
				p := c.Alloc()
				neighbour := c.Alloc()
				tt.plant(t, c, p, neighbour)
				if len(*found) != 1 {
					t.Fatalf("%d reports: %v", len(*found), *found)
				}
				e := (*found)[0]
				if e.Kind != tt.want || e.Op != tt.op || e.Offset != tt.offset || e.Object != address(p) {
					t.Errorf("%v %q at %#x+%d; want %v %q at %p+%d", e.Kind, e.Op, e.Object, e.Offset, tt.want, tt.op, p, tt.offset)
				}
				if tt.want == DoubleFree {
					if e.Found != nil {
						t.Errorf("a double free shows damage % x", e.Found)
					}
				} else if len(e.Found) == 0 || e.Found[0] != tt.found || bytes.Equal(e.Found, e.Expected) {
					t.Errorf("found % x, expected % x; want %x first", e.Found, e.Expected, tt.found)
				}
				checkReport(t, e, tt.flags)
				if c.Validate(neighbour) == nil {
					c.Free(neighbour)
				}
				*found = nil
				if bad := c.Audit(); len(bad) != 0 {
					t.Errorf("not repaired: %v", bad)
				}
				c.Shrink()
				if len(*found) != 0 {
					t.Errorf("not repaired: %v", *found)
				}
			})
		})
	}
}

// checkReport looks at what every report must name.
func checkReport(t *testing.T, e *CorruptionError, flags Flags) {
	t.Helper()
	text := e.Error()
	for _, want := range []string{`in cache "victim"`, `in heap "planted"`, e.Kind.String(), "behind: object", e.Op} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	who := strings.Contains(e.Allocated.Stack.String(), "kmem.TestPlantedCorruption")
	if who != (flags&StoreUser != 0) || who == strings.Contains(text, "nobody kept who had it") {
		t.Errorf("names who allocated: %v", who)
	}
	if len(e.Neighbours) == 0 || len(e.Neighbours[0].Bytes) != 16 {
		t.Errorf("neighbours: %+v", e.Neighbours)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestCorruptionPanics: without somebody to tell, the report is the panic, and the
// cache can go on afterwards.
func TestCorruptionPanics(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{Flags: RedZone | Poison | StoreUser})
	caught := func(f func()) (e *CorruptionError) {
		defer func() {
			if !errors.As(recover().(error), &e) {
				t.Error("not a CorruptionError")
			}
		}()
		f()
		return nil
	}
	p := c.Alloc()
	poke(c, p, 64)
	if e := caught(func() { c.Free(p) }); e.Kind != RedZoneOverwritten {
		t.Error(e)
	}
	if e := caught(func() { c.Free(p) }); e.Kind != DoubleFree {
		t.Error(e)
	}
	poke(c, p, 3)
	if e := caught(func() { c.Alloc() }); e.Kind != PoisonOverwritten || !strings.Contains(e.Freed.Stack.Caller(), "TestCorruptionPanics") {
		t.Error(e)
	}
	poke(c, p, 3)
	if e := caught(func() { c.Shrink() }); e.Kind != PoisonOverwritten {
		t.Error(e)
	}
	c.Free(c.Alloc())
}

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

// TestDebugFreeRefuses: what is no object at all is told as without debugging.
func TestDebugFreeRefuses(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 64, CacheOptions{Flags: RedZone})
	other := newTestCache(t, h, "other", 64, CacheOptions{Flags: RedZone})
	p, q := c.Alloc(), other.Alloc()
	mustPanic(t, "nil pointer", func() { c.Free(nil) })
	mustPanic(t, "misaligned pointer: -8 bytes into", func() { c.Free(at(p, ^uintptr(7))) })
	mustPanic(t, "misaligned pointer: 1 bytes into", func() { c.Free(at(p, 1)) })
	mustPanic(t, `belongs to cache "other"`, func() { c.Free(q) })
	c.Free(p)
	c.Shrink()
	mustPanic(t, "belongs to no cache", func() { c.Free(p) })
	other.Free(q)
	if err := other.Destroy(); err != nil {
		t.Fatal(err)
	}
	mustPanic(t, "after Destroy", func() { other.Alloc() })
	mustPanic(t, "after Destroy", func() { other.Free(q) })
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

// TestLeaks: BusyError and Leaks name call sites and counts.
func TestLeaks(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		c := newTestCache(t, h, "leaky", 100, CacheOptions{Flags: StoreUser})
		newTestCache(t, h, "quiet", 100, CacheOptions{})
		var live []Pointer
		few := func() { live = append(live, c.Alloc()) }
		many := func() { live = append(live, c.Alloc()) }
		for i := range 1000 {
			if many(); i%10 == 0 {
				few()
			}
			c.Free(c.Alloc())
		}
		leaks := h.Leaks()
		if len(leaks) != 2 || leaks[0].Objects != 1000 || leaks[1].Objects != 100 || leaks[0].Bytes != 100000 {
			t.Fatalf("%v", leaks)
		}
		if !strings.Contains(leaks[0].Stack.Caller(), "TestLeaks.func1.2") || leaks[0].Oldest.After(leaks[1].Oldest) {
			t.Errorf("%v", leaks[0])
		}
		var busy *BusyError
		if err := c.Destroy(); !errors.As(err, &busy) || len(busy.Leaks) != 2 || !strings.Contains(err.Error(), "1000 objects, 100000 bytes") {
			t.Errorf("Destroy: %v", err)
		}
		for _, p := range live {
			c.Free(p)
		}
		if leaks := h.Leaks(); leaks != nil {
			t.Errorf("after all frees: %v", leaks)
		}
	})
}

// TestGuardPages: what belongs to no slab faults, and so do free objects that are
// whole pages.
func TestGuardPages(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout, Debug: DebugOptions{GuardPages: true}})
		small := newTestCache(t, h, "small", 64, CacheOptions{})
		p := small.Alloc()
		if faults(p) {
			t.Fatal("an object faults")
		}
		small.Free(p)
		small.Shrink()
		if faults(p) == mmap.HeapBacked {
			t.Error("a page of no slab can be read")
		}
		whole := newTestCache(t, h, "whole", 4096, CacheOptions{Flags: Poison})
		q, r := whole.Alloc(), whole.Alloc()
		whole.Free(q)
		if mmap.HeapBacked {
			whole.Free(r)
			return
		}
		if !faults(q) || faults(r) {
			t.Error("want a fault in the free object and none in the other")
		}
		if q2 := whole.Alloc(); q2 != q || faults(q2) || bytesAt(q2, 1)[0] != poisonFresh {
			t.Errorf("allocated again: %p, want %p", q2, q)
		}
		whole.Free(q)
		whole.Free(r)
		if !faults(h.at(h.end.Load() - 1)) {
			t.Error("a page that was never used can be read")
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
