package kmem

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/smp"
)

// large skips a test that needs bytes of memory, where there is not so much or no
// time for it.
func large(t *testing.T, bytes uint64) {
	t.Helper()
	if testing.Short() || slow {
		t.Skip("many objects take long here")
	}
	info, _ := os.ReadFile("/proc/meminfo")
	_, after, found := strings.Cut(string(info), "MemAvailable:")
	var kib uint64
	if found {
		fmt.Sscan(after, &kib)
	}
	if limit := uint64(defaultLimit(systemRoot())); limit > 0 && limit < bytes || found && kib<<10 < bytes {
		t.Skipf("needs %d MiB of memory", bytes>>20)
	}
}

// linked is an object in a list of objects: no Go memory for those that live.
type linked struct {
	next Pointer // into the heap; only this test looks at it
	n    uint64
	_    [6]uint64
}

// TestFootprint: ten million objects of 64 bytes cost 3 % more than their bytes,
// counted by the kernel, with all metadata and what the cache has on Go's heap;
// and when all are freed the memory goes back.
func TestFootprint(t *testing.T) {
	const n, size = 10_000_000, 64
	large(t, 2*n*size)
	o := HeapOptions{Reserve: 4 << 30}
	o.Reap, _ = o.Reap.filled()
	h := newTestHeap(t, o)
	c := newTestCache(t, h, "footprint", size, CacheOptions{})
	resident := func() uintptr {
		a, err := h.buddy.region.Resident()
		b, _ := h.buddy.table.Resident()
		if err != nil {
			t.Skip(err)
		}
		return a + b
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	onCPU(func(cpu *smp.CPU) {
		l := c.On(cpu)
		start := time.Now()
		var head *linked
		for i := range uint64(n) {
			p := (*linked)(l.Alloc())
			p.next, p.n = Pointer(head), i
			head = p
		}
		took := time.Since(start)
		time.Sleep(2 * o.Reap.Pages) // what growth left over goes back
		runtime.GC()
		runtime.ReadMemStats(&after)
		total := resident() + uintptr(max(0, int64(after.HeapAlloc)-int64(before.HeapAlloc)))
		above := float64(total)/(n*size) - 1
		t.Logf("%d objects of %d bytes in %v: %d bytes resident, %.2f %% above the objects' own; %+v", n, size, took.Round(time.Millisecond), total, above*100, h.Stats())
		if above > 0.03 {
			t.Errorf("%.2f %% above the objects' own bytes, want at most 3 %%", above*100)
		}
		start = time.Now()
		for i := uint64(n); head != nil; head = (*linked)(head.next) {
			if i--; head.n != i {
				t.Fatalf("object %d holds %d", i, head.n)
			}
			next := *head
			l.Free(Pointer(head))
			head = &next
		}
		took = time.Since(start)
		start = time.Now()
		for resident() > total/20 && time.Since(start) < time.Minute {
			time.Sleep(5 * time.Millisecond)
		}
		t.Logf("freed in %v; 95 %% of the memory back %v later", took.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
		if left := resident(); left > total/20 {
			t.Errorf("a minute after the last free %d bytes are resident", left)
		}
	})
}

// TestMillions: CPUs and goroutines hold two million objects of several sizes at
// once, each with its owner's mark. Oracle: a mark is as its owner left it.
func TestMillions(t *testing.T) {
	const each = 400_000
	large(t, 1<<30)
	h := newTestHeap(t, HeapOptions{Reserve: 8 << 30, Reap: ReapOptions{Arrays: time.Millisecond, Slabs: time.Millisecond, Pages: time.Millisecond}})
	var caches []*Cache
	for _, size := range []int{16, 64, 200, 1024} {
		caches = append(caches, newTestCache(t, h, fmt.Sprint("size-", size), size, CacheOptions{Flags: []Flags{0, DestroyByRCU}[len(caches)%2]}))
	}
	hold := func(id uint64, alloc func(int) Pointer, free func(int, Pointer)) {
		r := rand.New(rand.NewPCG(id, 1))
		type held struct {
			p Pointer
			c uint8
		}
		live := make([]held, 0, each)
		for range each {
			c := r.IntN(len(caches))
			p := alloc(c)
			*(*uint64)(p) = id ^ uint64(uintptr(p))
			live = append(live, held{p, uint8(c)})
		}
		r.Shuffle(len(live), func(i, j int) { live[i], live[j] = live[j], live[i] })
		for _, o := range live {
			if *(*uint64)(o.p) != id^uint64(uintptr(o.p)) {
				t.Errorf("%p of %s changed in its owner's hands", o.p, caches[o.c].Name())
				return
			}
			free(int(o.c), o.p)
		}
	}
	var wg sync.WaitGroup
	for id := range uint64(3) {
		wg.Go(func() {
			hold(id+1, func(c int) Pointer { return caches[c].Alloc() }, func(c int, p Pointer) { caches[c].Free(p) })
		})
	}
	smp.Run(2, func(cpu *smp.CPU) {
		hold(uint64(cpu.ID())+100, func(c int) Pointer { return caches[c].On(cpu).Alloc() }, func(c int, p Pointer) { caches[c].On(cpu).Free(p) })
	})
	wg.Wait()
	t.Logf("%+v", h.Stats())
}

// TestManyCaches: thousands of caches on one heap, made, used, reaped and
// destroyed.
func TestManyCaches(t *testing.T) {
	n, reserve := 4096, uintptr(1<<30)
	if slow || testing.Short() {
		n, reserve = 256, mmap.MaxHeapBacked
	}
	h := newTestHeap(t, HeapOptions{Reserve: reserve, Reap: ReapOptions{Arrays: time.Millisecond, Slabs: time.Millisecond, Pages: time.Millisecond}})
	caches := make([]*Cache, n)
	for i := range caches {
		caches[i] = newTestCache(t, h, fmt.Sprint("cache-", i), 8+i%500, CacheOptions{Flags: []Flags{0, DestroyByRCU}[i%2]})
	}
	live := make([]Pointer, n)
	onCPU(func(cpu *smp.CPU) {
		for i, c := range caches {
			l := c.On(cpu)
			fillAndFree(l.Alloc, l.Free, 3)
			live[i] = c.Alloc()
		}
	})
	seen := map[Pointer]bool{}
	for i, p := range live {
		if p == nil || seen[p] || h.CacheOf(p) != caches[i] {
			t.Fatalf("cache %d: object %p of %v", i, p, h.CacheOf(p))
		}
		seen[p] = true
	}
	if got := len(h.Caches()); got < n {
		t.Errorf("%d caches listed, %d made", got, n)
	}
	for i, c := range caches {
		c.Free(live[i])
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
}
