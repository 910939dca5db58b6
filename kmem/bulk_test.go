package kmem

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

// bulker is what a handle and a cache share.
type bulker interface {
	AllocBulk([]Pointer) error
	FreeBulk([]Pointer)
	Alloc() Pointer
	Free(Pointer)
}

// bulkers runs f with a CPU's handle and with the cache itself.
func bulkers(t *testing.T, c *Cache, f func(t *testing.T, b bulker)) {
	onCPU(func(cpu *smp.CPU) {
		for api, b := range map[string]bulker{"cpu": c.On(cpu), "any": c} {
			t.Run("api="+api, func(t *testing.T) { f(t, b) })
		}
	})
}

// TestBulk takes bulks of all kinds of sizes, single objects between them.
// Oracle: no object twice, all constructed, none lost.
func TestBulk(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, size := range []int{8, 64, 1000, 20000} {
			h := newTestHeap(t, HeapOptions{Layout: layout})
			c := newTestCache(t, h, "bulk", size, CacheOptions{Flags: DestroyByRCU, Ctor: func(p Pointer) { *(*uint64)(p) = 0xC0 }})
			bulkers(t, c, func(t *testing.T, b bulker) {
				live := map[Pointer]bool{}
				take := func(p Pointer) {
					if p == nil || live[p] || *(*uint64)(p) != 0xC0 {
						t.Fatalf("%p: handed out before, or not constructed", p)
					}
					live[p] = true
				}
				for _, n := range []int{0, 1, 2, 31, 32, 60, 61, 120, 121, 128, 129, 500, 1000} {
					dst := make([]Pointer, min(n, 4<<20/size))
					if err := b.AllocBulk(dst); err != nil {
						t.Fatal(err)
					}
					for _, p := range dst {
						take(p)
					}
					take(b.Alloc())
				}
				if s := c.Stats(); s.Active < len(live) {
					t.Fatalf("%d live; %+v", len(live), s)
				}
				var all []Pointer
				for p := range live {
					all = append(all, p)
				}
				for n := 1; len(all) > 0; n += 7 {
					n = min(n, len(all))
					b.FreeBulk(all[:n])
					if all = all[n:]; len(all) > 0 {
						b.Free(all[0])
						all = all[1:]
					}
				}
			})
		}
	})
}

// TestBulkAllOrNothing: a bulk that the heap's limit refuses leaves nothing in
// dst and nothing out.
func TestBulkAllOrNothing(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Name: "small", Limit: 1 << 20, Layout: layout})
		c := newTestCache(t, h, "bulk", 1024, CacheOptions{})
		bulkers(t, c, func(t *testing.T, b bulker) {
			for range 3 {
				dst := make([]Pointer, 2000)
				dst[7] = Pointer(t)
				err := b.AllocBulk(dst)
				if !errors.Is(err, ErrNoMemory) {
					t.Fatalf("AllocBulk beyond the limit: %v", err)
				}
				for i, p := range dst {
					if p != nil {
						t.Fatalf("after the error dst[%d] is %p", i, p)
					}
				}
				dst = dst[:800]
				if err := b.AllocBulk(dst); err != nil {
					t.Fatalf("AllocBulk within the limit: %v", err)
				}
				b.FreeBulk(dst)
			}
			c.Shrink()
		})
	})
}

// TestFreeBulkRefuses: a bad pointer anywhere, and none of the others is freed; a
// double free, and all of the others are.
func TestFreeBulkRefuses(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, n := range []int{8, 500} { // by the array, and straight
			h := newTestHeap(t, HeapOptions{Layout: layout})
			c := newTestCache(t, h, "c", 64, CacheOptions{})
			others := newTestCache(t, h, "other", 64, CacheOptions{})
			other := others.Alloc()
			bulkers(t, c, func(t *testing.T, b bulker) {
				dst := make([]Pointer, n)
				if err := b.AllocBulk(dst); err != nil {
					t.Fatal(err)
				}
				for _, at := range []int{0, n / 2, n - 1} {
					good := dst[at]
					dst[at] = nil
					mustPanic(t, "Free of 0x0 to cache \"c\": nil pointer", func() { b.FreeBulk(dst) })
					dst[at] = Pointer(t)
					mustPanic(t, "foreign pointer", func() { b.FreeBulk(dst) })
					dst[at] = other
					mustPanic(t, `belongs to cache "other"`, func() { b.FreeBulk(dst) })
					dst[at] = (addr(good) + 8).pointer()
					mustPanic(t, "misaligned pointer: 8 bytes into", func() { b.FreeBulk(dst) })
					dst[at] = good
				}
				b.FreeBulk(dst) // all were still out
				top := b.Alloc()
				b.Free(top)
				mustPanic(t, "double free", func() { b.FreeBulk([]Pointer{top}) })
				if err := b.AllocBulk(dst); err != nil {
					t.Fatal(err)
				}
				twice := append([]Pointer{dst[0]}, dst...)
				mustPanic(t, fmt.Sprintf("Free of %p to cache \"c\": double free", dst[0]), func() { b.FreeBulk(twice) })
			})
			others.Free(other)
		}
	})
}

// TestTypedBulk: the same through the types.
func TestTypedBulk(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c, err := Of(h, "typed", TypedOptions[uint64]{Ctor: func(v *uint64) { *v = 7 }})
	if err != nil {
		t.Fatal(err)
	}
	onCPU(func(cpu *smp.CPU) {
		var dst [40]*uint64
		if err := c.On(cpu).AllocBulk(dst[:]); err != nil {
			t.Fatal(err)
		}
		for _, v := range dst {
			if *v != 7 {
				t.Fatalf("constructed as %d", *v)
			}
		}
		c.FreeBulk(dst[:20])
		c.On(cpu).FreeBulk(dst[20:])
		if err := c.AllocBulk(dst[:]); err != nil {
			t.Fatal(err)
		}
		c.FreeBulk(dst[:])
	})
}

// TestBulkTorture: bulks from CPUs and goroutines while slabs are drained and
// destroyed. Oracle: an object's word is claimed by one holder at a time.
func TestBulkTorture(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		c := newTestCache(t, h, "torture", 96, CacheOptions{Flags: DestroyByRCU, Ctor: func(p Pointer) { *(*uint32)(p) = 0 }})
		rounds := 400
		if testing.Short() {
			rounds = 100
		}
		churn := func(b bulker, seed uint64) {
			r := rand.New(rand.NewPCG(seed, 1))
			for range rounds {
				dst := make([]Pointer, 1+r.IntN(400))
				if err := b.AllocBulk(dst); err != nil {
					t.Error(err)
					return
				}
				for _, p := range dst {
					if !atomic.CompareAndSwapUint32((*uint32)(p), 0, 1) {
						t.Errorf("%p is held twice", p)
					}
				}
				r.Shuffle(len(dst), func(i, j int) { dst[i], dst[j] = dst[j], dst[i] })
				for _, p := range dst {
					atomic.StoreUint32((*uint32)(p), 0)
				}
				b.FreeBulk(dst)
			}
		}
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() { churn(c, uint64(i)) })
		}
		wg.Go(func() {
			for range rounds / 4 {
				c.Shrink()
			}
		})
		smp.Run(2, func(cpu *smp.CPU) { churn(c.On(cpu), uint64(10+cpu.ID())) })
		wg.Wait()
	})
}

// TestFreeBulkFarAway: what lies far behind a slab of large objects can give the
// product that an object of it gives. For 128 KiB, 2^47+2^17-1 does.
func TestFreeBulkFarAway(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c, err := h.NewCache("large", 1<<17, CacheOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.TryAlloc()
	if err != nil {
		t.Fatal(err)
	}
	if i := h.Inspect(p).Index; i != 0 {
		t.Fatalf("the first object is number %d", i)
	}
	far := (addr(p) + 1<<47 + 1<<17 - 1).pointer()
	mustPanic(t, "foreign pointer", func() { c.FreeBulk([]Pointer{p, far}) })
	c.Free(p)
	if err := c.Destroy(); err != nil {
		t.Error(err)
	}
}

// TestBulkRefills: an owner that only allocates, and that in small bulks, takes a
// batch with each trip and not just what it asked for.
func TestBulkRefills(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "refilled", 64, CacheOptions{FixedArrays: true})
	smp.Run(1, func(cpu *smp.CPU) {
		l := c.On(cpu)
		live := make([]Pointer, 8*c.geo.Batch)
		if err := l.AllocBulk(live); err != nil { // so that the slabs are there, for its home
			t.Error(err)
			return
		}
		l.FreeBulk(live)
		l.Flush()
		before := c.Stats().Refills
		for part := range slices.Chunk(live, c.geo.Batch/2) {
			if err := l.AllocBulk(part); err != nil {
				t.Error(err)
				return
			}
		}
		if n := c.Stats().Refills - before; n > 12 {
			t.Errorf("%d refills for 8 batches of %d in 16 bulks; %d slabs made", n, c.geo.Batch, c.Stats().Grown)
		}
		l.FreeBulk(live)
	})
}

func BenchmarkBulkCPU(b *testing.B) {
	benchCPU(b, 64, func(b *testing.B, l *Local) {
		var live [32]Pointer
		for n := 0; n < b.N; n += len(live) {
			if l.AllocBulk(live[:]) != nil {
				b.Fatal("no memory")
			}
			l.FreeBulk(live[:])
		}
	})
}

func BenchmarkBulkSwingCPU(b *testing.B) {
	benchCPU(b, 64, func(b *testing.B, l *Local) {
		live := make([]Pointer, 10016)
		for n := 0; n < b.N; n += len(live) {
			for i := 0; i < len(live); i += 32 {
				if l.AllocBulk(live[i:i+32]) != nil {
					b.Fatal("no memory")
				}
			}
			for i := 0; i < len(live); i += 32 {
				l.FreeBulk(live[i : i+32])
			}
		}
	})
}

func BenchmarkBulkAny(b *testing.B) {
	h := newTestHeap(b, HeapOptions{})
	c := newTestCache(b, h, "bench", 64, CacheOptions{})
	var live [32]Pointer
	for n := 0; n < b.N; n += len(live) {
		if c.AllocBulk(live[:]) != nil {
			b.Fatal("no memory")
		}
		c.FreeBulk(live[:])
	}
}

func BenchmarkBulkHugeAny(b *testing.B) {
	h := newTestHeap(b, HeapOptions{})
	c := newTestCache(b, h, "bench", 64, CacheOptions{})
	live := make([]Pointer, 10000)
	for n := 0; n < b.N; n += len(live) {
		if c.AllocBulk(live) != nil {
			b.Fatal("no memory")
		}
		c.FreeBulk(live)
	}
}
