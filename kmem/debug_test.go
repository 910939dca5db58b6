package kmem

import (
	"bytes"
	"errors"
	"strings"
	"testing"
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

// TestDebugInitialLearns: only what a constructor sets alike everywhere is asked of
// an object that is freed.
func TestDebugInitialLearns(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h, found := debugHeap(t, HeapOptions{Layout: layout})
		calls := byte(0)
		c := newTestCache(t, h, "c", 64, CacheOptions{Flags: DebugInitial, Ctor: func(p Pointer) {
			b := bytesAt(p, 64)
			calls++
			b[0] = 42                                     // its state
			b[1] = calls                                  // changes from call to call
			*h.word(h.offset(p) + 8) = uint64(address(p)) // and from place to place
		}})
		p := c.Alloc()
		for i := range 64 {
			if i != 0 && (i < 8 || i > 15) {
				bytesAt(p, 64)[i] = 0x77
			}
		}
		*h.word(h.offset(p) + 8) += 4096
		c.Free(p)
		if len(*found) != 0 {
			t.Fatalf("%v", *found)
		}
		p = c.Alloc()
		bytesAt(p, 64)[0] = 43
		c.Free(p)
		if len(*found) != 1 || (*found)[0].Offset != 0 || !bytes.Equal((*found)[0].Found, []byte{43}) {
			t.Fatalf("%v", *found)
		}
	})
}

// TestDebugInitialUnlearns: an empty list points to itself, and a number counts
// objects. All their bytes change, most of them not while the constructor is
// learned.
func TestDebugInitialUnlearns(t *testing.T) {
	for _, flags := range []Flags{DebugInitial, DebugInitial | DestroyByRCU, DebugInitial | Poison} {
		h, found := debugHeap(t, HeapOptions{})
		made := uint64(0)
		c := newTestCache(t, h, "c", 64, CacheOptions{Flags: flags, Ctor: func(p Pointer) {
			made++
			off := h.offset(p)
			*h.word(off), *h.word(off + 8), *h.word(off + 16) = uint64(address(p)), made, 42
		}})
		live := make([]Pointer, 5000) // beyond 64 KiB
		for range 2 {
			for i := range live {
				live[i] = c.Alloc()
			}
			for _, p := range live {
				c.Free(p)
			}
		}
		if len(*found) != 0 {
			t.Fatalf("%s: %d reports, the first %v", flags, len(*found), (*found)[0])
		}
		p := c.Alloc()
		bytesAt(p, 64)[16] = 43
		c.Free(p)
		if len(*found) != 1 || (*found)[0].Offset != 16 {
			t.Fatalf("%s: %v", flags, *found)
		}
	}
}
