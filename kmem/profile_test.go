package kmem

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
	"pgregory.net/rapid"
)

// usage is what a profile says about the call sites whose stack has a name.
func usage(h *Heap, name string) (sum Sample) {
	for _, s := range h.Samples() {
		if name == "" && s.Stack == nil || name != "" && strings.Contains(s.Stack.String(), name) {
			sum.InUseObjects += s.InUseObjects
			sum.AllocObjects += s.AllocObjects
		}
	}
	return sum
}

// near reports whether got is about want.
func near(got, want int64, tolerance float64) bool {
	return math.Abs(float64(got-want)) <= tolerance*float64(want)
}

//go:noinline
func keepMuch(alloc func() Pointer) Pointer { return alloc() }

//go:noinline
func keepLittle(alloc func() Pointer) Pointer { return alloc() }

//go:noinline
func useShortly(alloc func() Pointer, free func(Pointer)) { free(alloc()) }

// TestProfile: of what is in use, each call site gets its share, however its
// allocations are mixed with short uses.
func TestProfile(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for name, short := range map[string][2]int{"alone": {0, 0}, "in turn": {1, 0}, "before each": {1, 1}, "many": {5, 3}} {
			t.Run(name, func(t *testing.T) {
				h := newTestHeap(t, HeapOptions{Layout: layout, ProfileRate: 1 << 10})
				c := newTestCache(t, h, "c", 64, CacheOptions{Flags: DestroyByRCU})
				onCPU(func(cpu *smp.CPU) {
					l := c.On(cpu)
					checkProfile(t, h, c, l.Alloc, l.Free, short)
				})
				checkProfile(t, h, c, c.Alloc, c.Free, short)
			})
		}
	})
}

func checkProfile(t *testing.T, h *Heap, c *Cache, alloc func() Pointer, free func(Pointer), short [2]int) {
	t.Helper()
	const rounds = 6000
	var live []Pointer
	before := usage(h, "keep").AllocObjects + usage(h, "useShortly").AllocObjects
	for i := range rounds {
		for range short[i%2] {
			useShortly(alloc, free)
		}
		if live = append(live, keepMuch(alloc)); i%4 == 0 {
			live = append(live, keepLittle(alloc))
		}
	}
	much, little, brief, rest := usage(h, "keepMuch"), usage(h, "keepLittle"), usage(h, "useShortly"), usage(h, "")
	if sum := much.InUseObjects + little.InUseObjects + brief.InUseObjects + rest.InUseObjects; !near(sum, int64(len(live)), 0.001) {
		t.Errorf("%d objects are in use, the profile says %d", len(live), sum)
	}
	if !near(much.InUseObjects, rounds, 0.2) || brief.InUseObjects > rounds/10 {
		t.Errorf("in use: %d much, %d little, %d brief, %d unknown; want %d, %d, 0, 0",
			much.InUseObjects, little.InUseObjects, brief.InUseObjects, rest.InUseObjects, rounds, rounds/4)
	}
	if all := much.AllocObjects + little.AllocObjects + brief.AllocObjects - before; all < int64(len(live))*2/3 || all > int64(len(live))*5/2 {
		t.Errorf("%d objects left the slabs, the profile says %d", len(live), all)
	}
	for _, p := range live {
		free(p)
	}
	if n := usage(h, "keep").InUseObjects; n != 0 {
		t.Errorf("%d objects in use after all frees", n)
	}
	if out := c.inUse(); out != 0 {
		t.Errorf("%d objects in use after all frees", out)
	}
}

// TestProfileHeirs: where objects go around in arrays and none leaves the slabs any
// more, the profile follows who has them.
func TestProfileHeirs(t *testing.T) {
	h := newTestHeap(t, HeapOptions{ProfileRate: 1 << 10})
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	checkHeirs(t, h, c.Alloc, c.Free)
	d := newTestCache(t, h, "d", 64, CacheOptions{})
	onCPU(func(cpu *smp.CPU) {
		l := d.On(cpu)
		checkHeirs(t, h, l.Alloc, l.Free)
	})
}

func checkHeirs(t *testing.T, h *Heap, alloc func() Pointer, free func(Pointer)) {
	t.Helper()
	live := make([]Pointer, 2000)
	for i := range live {
		live[i] = keepLittle(alloc)
	}
	for deadline := time.Now().Add(5 * time.Second); usage(h, "keepLittle").InUseObjects > 500; {
		if time.Now().After(deadline) {
			t.Errorf("%d of %d objects in use of a call site that has none; %d of the one that has all",
				usage(h, "keepLittle").InUseObjects, len(live), usage(h, "keepMuch").InUseObjects)
			break
		}
		for range 10000 {
			i := rand.IntN(len(live))
			free(live[i])
			live[i] = keepMuch(alloc)
		}
	}
	for _, p := range live {
		free(p)
	}
}

// TestProfileStoreUser: a cache that keeps its callers is told exactly.
func TestProfileStoreUser(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "c", 40, CacheOptions{Flags: StoreUser})
	a, b := keepMuch(c.Alloc), keepMuch(c.Alloc)
	c.Free(a)
	if s := usage(h, "keepMuch"); s.InUseObjects != 1 || s.AllocObjects != 2 {
		t.Errorf("%+v", s)
	}
	c.Free(b)
}

// TestProfileConserves mixes everything that can meet a sample.
func TestProfileConserves(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newTestHeap(t, HeapOptions{ProfileRate: 1, Debug: DebugOptions{GuardEvery: 3}})
		defer checkSampled(rt, h)
		size := rapid.SampledFrom([]int{8, 64, 600, 5000}).Draw(rt, "size")
		flags := rapid.SampledFrom([]Flags{0, DestroyByRCU}).Draw(rt, "flags")
		c := newTestCache(t, h, "c", size, CacheOptions{Flags: flags})
		smp.Run(1, func(cpu *smp.CPU) {
			l := c.On(cpu)
			var live []Pointer
			take := func(n int) []Pointer {
				objs := live[len(live)-n:]
				live = live[:len(live)-n]
				return objs
			}
			add := func(p Pointer) {
				bytesAt(p, size)[size-1]++ // it is ours and accessible
				live = append(live, p)
			}
			rt.Repeat(map[string]func(*rapid.T){
				"alloc": func(t *rapid.T) {
					for range rapid.IntRange(1, 30).Draw(t, "n") {
						add(l.Alloc())
						add(c.Alloc())
					}
				},
				"free": func(t *rapid.T) {
					for _, p := range take(rapid.IntRange(0, len(live)).Draw(t, "n")) {
						if address(p)&0x100 == 0 {
							l.Free(p)
						} else {
							c.Free(p)
						}
					}
				},
				"bulk": func(t *rapid.T) {
					objs := make([]Pointer, rapid.IntRange(1, 100).Draw(t, "n"))
					if err := c.AllocBulk(objs); err != nil {
						t.Fatal(err)
					}
					for _, p := range objs {
						add(p)
					}
				},
				"free bulk": func(t *rapid.T) {
					c.FreeBulk(take(rapid.IntRange(0, len(live)).Draw(t, "n")))
				},
				"shrink": func(t *rapid.T) { c.Shrink() },
				"": func(t *rapid.T) {
					if n := c.inUse(); n != int64(len(live)) {
						t.Fatalf("%d in use, want %d", n, len(live))
					}
				},
			})
			c.FreeBulk(live)
		})
	})
}

// checkSampled ends one heap of many in a test.
func checkSampled(t *rapid.T, h *Heap) {
	for _, c := range h.byName {
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
	}
}
