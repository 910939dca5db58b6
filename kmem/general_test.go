package kmem

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestMalloc takes every class at its edges. Oracle: at least what was asked for,
// the smallest class that has it, aligned, and its own.
func TestMalloc(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		sizes := h.generals.sizes
		if want := []int{32, 64, 128, 192, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072}; !slices.Equal(sizes, want) {
			t.Fatalf("classes %v, want %v", sizes, want)
		}
		var live []Pointer
		for size := 0; size <= h.generals.max(); size++ {
			if size > 1100 && size&(size-1) > 1 && (size+1)&size > 0 {
				continue // around powers of two
			}
			i, _ := slices.BinarySearch(sizes, size)
			if got := sizes[h.generals.class(size)]; got != sizes[i] {
				t.Fatalf("size %d is of class %d, want %d", size, got, sizes[i])
			}
			p, err := h.Malloc(size)
			if err != nil {
				t.Fatal(err)
			}
			if n := h.UsableSize(p); n != sizes[i] {
				t.Fatalf("size %d: usable are %d, want %d", size, n, sizes[i])
			}
			align := min(64, sizes[i])
			if layout == LayoutNative && sizes[i]&(sizes[i]-1) == 0 {
				align = sizes[i]
			}
			if uintptr(p)%uintptr(align) != 0 {
				t.Fatalf("size %d: %p is not aligned to %d", size, p, align)
			}
			if name := h.CacheOf(p).Name(); name != fmt.Sprintf("size-%d", sizes[i]) {
				t.Fatalf("size %d is of cache %s", size, name)
			}
			b := h.bytes(h.offset(p), sizes[i])
			for j := range b {
				b[j] = byte(len(live))
			}
			live = append(live, p)
		}
		for i, p := range live {
			b := h.bytes(h.offset(p), h.UsableSize(p))
			if slices.ContainsFunc(b, func(v byte) bool { return v != byte(i) }) {
				t.Fatalf("object %d was overwritten", i)
			}
			if i%2 == 0 {
				h.Free(p)
			} else {
				h.FreeDeferred(p)
			}
		}
		h.Free(nil)
		h.FreeDeferred(nil)
		if n := h.UsableSize(nil); n != 0 {
			t.Errorf("nil has %d bytes", n)
		}
	})
}

func TestMallocRefuses(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Name: "general", Layout: layout})
		other := newTestHeap(t, HeapOptions{Layout: layout})
		for _, size := range []int{-1, 131073} {
			if _, err := h.Malloc(size); err == nil || !strings.Contains(err.Error(), "legal are 0 to 131072") {
				t.Errorf("Malloc(%d): %v", size, err)
			}
		}
		named := newTestCache(t, h, "named", 80, CacheOptions{Flags: DestroyByRCU})
		p, far, q := must(h.Malloc(100))(t), must(other.Malloc(100))(t), named.Alloc()
		if _, err := h.NewCache("size-128", 64, CacheOptions{}); !errors.Is(err, ErrExists) {
			t.Errorf("a cache with the name of a general one: %v", err)
		}
		for _, f := range []func(Pointer){h.Free, h.FreeDeferred, func(p Pointer) { h.UsableSize(p) }} {
			mustPanic(t, `in heap "general": foreign pointer`, func() { f(Pointer(t)) })
			mustPanic(t, `in heap "general": foreign pointer`, func() { f(far) })
			mustPanic(t, "the page belongs to no cache", func() { f(h.base) })
			mustPanic(t, "misaligned pointer", func() { f(at(p, 8)) })
		}
		h.Free(p)
		mustPanic(t, `to cache "size-128": double free`, func() { h.Free(p) })
		h.Free(q) // an object of a named cache
		other.Free(far)
	})
}

// must turns a result with an error into one without.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestMallocLeak: memory that is still out keeps the heap open.
func TestMallocLeak(t *testing.T) {
	h, err := NewHeap(HeapOptions{Name: "leak", Reserve: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	p, small := must(h.Malloc(5000))(t), must(h.Malloc(1))(t)
	h.Free(small)
	var busy *BusyError
	if err := h.Close(); !errors.As(err, &busy) || busy.Name != "size-8192" || busy.Objects != 1 {
		t.Fatalf("Close: %v", err)
	}
	h.Free(must(h.Malloc(1))(t)) // still usable
	h.Free(p)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Malloc(1); !errors.Is(err, ErrClosed) {
		t.Errorf("Malloc on a closed heap: %v", err)
	}
}

func TestMallocAtLimit(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	var live []Pointer
	for {
		p, err := h.Malloc(60000)
		if err != nil {
			if !errors.Is(err, ErrNoMemory) {
				t.Fatal(err)
			}
			break
		}
		live = append(live, p)
	}
	if len(live) < 12 {
		t.Errorf("%d of 65536 bytes fit a mebibyte", len(live))
	}
	for _, p := range live {
		h.Free(p)
	}
}

// TestMallocTorture: goroutines of all sizes at once. Oracle: what one wrote over
// all of its memory is there when it frees it.
func TestMallocTorture(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout, Reserve: 64 << 20})
		rounds := 3000
		if testing.Short() {
			rounds = 500
		}
		var wg sync.WaitGroup
		for g := range 3 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(g), 7))
				var live [64]Pointer
				for i := range rounds {
					place := &live[r.IntN(len(live))]
					if p := *place; p != nil {
						for _, v := range h.bytes(h.offset(p), h.UsableSize(p)) {
							if v != byte(g+1) {
								t.Errorf("%p was overwritten with %#x", p, v)
								return
							}
						}
						if i%3 == 0 {
							h.FreeDeferred(p)
						} else {
							h.Free(p)
						}
						*place = nil
						continue
					}
					p, err := h.Malloc(1 << r.IntN(15))
					if err != nil {
						t.Error(err)
						return
					}
					b := h.bytes(h.offset(p), h.UsableSize(p))
					for j := range b {
						b[j] = byte(g + 1)
					}
					*place = p
				}
				for _, p := range live {
					h.Free(p)
				}
			})
		}
		wg.Wait()
	})
}

func BenchmarkMalloc(b *testing.B) {
	h := newTestHeap(b, HeapOptions{})
	for b.Loop() {
		p, _ := h.Malloc(100)
		h.Free(p)
	}
}

// TestMallocDebug: on a heap that is a debug build general caches have guards,
// and memory behind what was asked for is not the user's.
func TestMallocDebug(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout, Debug: DebugOptions{All: true}})
		for _, size := range []int{1, 100, 4096, 5000} {
			p := must(h.Malloc(size))(t)
			b := h.bytes(h.offset(p), h.UsableSize(p))
			if len(b) < size {
				t.Errorf("size %d: usable are %d", size, len(b))
			}
			for i := range b {
				b[i] = 0xFF
			}
			h.Free(p)
		}
	})
}
