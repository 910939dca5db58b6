package kmem

import (
	"strings"
	"testing"
)

// TestDestructor: every constructed object is destructed once, when its slab
// ends, and by nothing else. Oracle: a word of each object counts its lives.
func TestDestructor(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{0, HWCacheAlign, RedZone | StoreUser} {
			for _, size := range []int{24, 600, 9000} {
				h := newTestHeap(t, HeapOptions{Layout: layout})
				made, undone := 0, 0
				c := newTestCache(t, h, "dtor", size, CacheOptions{Flags: flags,
					Ctor: func(p Pointer) { *(*uint64)(p) = 0xC0; made++ },
					Dtor: func(p Pointer) {
						if v := *(*uint64)(p); v != 0xC0 {
							t.Errorf("destructed as %#x", v)
						}
						*(*uint64)(p) = 0xD0
						undone++
					},
				})
				for range 3 {
					live := make([]Pointer, 3*c.Geometry().Num)
					if err := c.AllocBulk(live); err != nil {
						t.Fatal(err)
					}
					if made-undone != c.Stats().Objects {
						t.Fatalf("%d made, %d undone: %+v", made, undone, c.Stats())
					}
					c.FreeBulk(live)
					c.Shrink()
					if s := c.Stats(); made != undone || s.Objects != 0 {
						t.Fatalf("after Shrink: %d made, %d undone: %+v", made, undone, s)
					}
				}
				c.Free(c.Alloc())
				if err := c.Destroy(); err != nil {
					t.Fatal(err)
				}
				if made != undone || made == 0 {
					t.Fatalf("after Destroy: %d made, %d undone", made, undone)
				}
			}
		}
	})
}

// TestDestructorWithPoison: free objects hold a pattern, so constructor and
// destructor run around each use.
func TestDestructorWithPoison(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout, Debug: DebugOptions{Corrupted: func(*CorruptionError) {}}})
		made, undone := 0, 0
		c := newTestCache(t, h, "dtor", 64, CacheOptions{Flags: Poison,
			Ctor: func(p Pointer) { *(*uint64)(p) = 0xC0; made++ },
			Dtor: func(p Pointer) {
				if v := *(*uint64)(p); v != 0xC0 {
					t.Errorf("destructed as %#x", v)
				}
				undone++
			},
		})
		for i := range 10 {
			p := c.Alloc()
			if made != i+1 || undone != i {
				t.Fatalf("%d made, %d undone at allocation %d", made, undone, i)
			}
			c.Free(p)
			c.Free(p) // reported, and not destructed
		}
		if err := c.Destroy(); err != nil || made != 10 || undone != 10 {
			t.Fatalf("%d made, %d undone, %v", made, undone, err)
		}
	})
}

// TestDestructorPanics: all slabs go all the same.
func TestDestructorPanics(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	bad := true
	c := newTestCache(t, h, "dtor", 1000, CacheOptions{
		Ctor: func(Pointer) {},
		Dtor: func(Pointer) {
			if bad {
				bad = false
				panic("the destructor's own words")
			}
		},
	})
	live := make([]Pointer, 100)
	if err := c.AllocBulk(live); err != nil {
		t.Fatal(err)
	}
	c.FreeBulk(live)
	mustPanic(t, "the destructor's own words", func() { c.Shrink() })
	if s := c.Stats(); s.Slabs != 0 || s.Grown != s.Destroyed {
		t.Errorf("after the panic: %+v", s)
	}
	for _, c := range h.inner {
		c.Shrink()
	}
	if s := h.Stats(); s.Live != 0 {
		t.Errorf("after the panic: %+v", s)
	}
}

// TestCtorPanicsUndone: what was constructed before the panic is destructed.
func TestCtorPanicsUndone(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	made, undone := 0, 0
	c := newTestCache(t, h, "dtor", 64, CacheOptions{
		Ctor: func(Pointer) {
			if made == 20 {
				panic("no more")
			}
			made++
		},
		Dtor: func(Pointer) { undone++ },
	})
	mustPanic(t, "no more", func() { c.Alloc() })
	if undone != 20 {
		t.Errorf("%d made, %d undone", made, undone)
	}
}

func TestDestructorRefused(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	nop := func(Pointer) {}
	for _, tt := range []struct {
		o    CacheOptions
		want string
	}{
		{CacheOptions{Dtor: nop}, "without a constructor"},
		{CacheOptions{Ctor: nop, Dtor: nop, Flags: DestroyByRCU}, "no destructor may run"},
	} {
		if _, err := h.NewCache("dtor", 64, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o.Flags, err, tt.want)
		}
	}
	if _, err := Of(h, "typed", TypedOptions[int]{Dtor: func(*int) {}}); err == nil {
		t.Error("a typed cache without a constructor took a destructor")
	}
}
