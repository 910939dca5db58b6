//go:build linux && !race

// What faults_test.go adds to this package for one build: a life of a heap in
// which the n-th system call fails, for every n.

package kmem

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
	"golang.org/x/sys/unix"
)

// step says after how many calls not every single one has its life any more.
const step = 60

// TestInjected. Oracle: whatever fails, whoever is told gets an error that wraps
// the system's, everything else goes on, no object is handed out twice, every page
// is counted once, and in the end nothing that was mapped is accessible or has
// memory behind it.
func TestInjected(t *testing.T) {
	for _, o := range []HeapOptions{
		{Name: "plain", HugePages: HugePagesAlways},
		{Name: "limited", Limit: 1 << 20, Layout: Layout2_6_9},
		{Name: "guarded", Debug: DebugOptions{GuardPages: true}},
		{Name: "sampled", Debug: DebugOptions{GuardEvery: 7}},
	} {
		for _, last := range []bool{true, false} {
			lives, failures, told := 0, int64(0), 0
			for n := int64(1); ; n += 1 + n/step {
				lives++
				mmap.Faults.Calls.Store(0)
				mmap.Faults.Failed.Store(0)
				mmap.Faults.From.Store(n)
				mmap.Faults.To.Store(n + 1)
				if !last {
					mmap.Faults.To.Store(math.MaxInt64)
				}
				told += faultyLife(t, o)
				failures += mmap.Faults.Failed.Load()
				if t.Failed() {
					t.Fatalf("heap %s: call %d failed, only that: %v", o.Name, n, last)
				}
				if mmap.Faults.Failed.Load() == 0 {
					break
				}
			}
			checkGone(t, last)
			t.Logf("heap %s: %d lives, %d calls failed, %d errors told, nothing lost", o.Name, lives, failures, told)
			if lives < 20 || told == 0 {
				t.Error("too little happened")
			}
		}
	}
}

// faultyLife takes a heap through what there is, and returns how often it said
// that something failed.
func faultyLife(t *testing.T, o HeapOptions) (told int) {
	d, err := urcu.New(urcu.Options{Name: "faults"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	o.Domain, o.Reserve, o.Reap.Off = d, 64<<20, true
	tell := func(err error) bool {
		if err != nil && !errors.Is(err, unix.ENOMEM) && !errors.Is(err, ErrNoMemory) && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("an error without its reason: %v", err)
		}
		if err != nil {
			told++
		}
		return err != nil
	}
	h, err := NewHeap(o)
	if tell(err) {
		return told
	}
	var caches []*Cache
	for i, flags := range []Flags{0, DestroyByRCU, Poison, CacheDMA} {
		c, err := h.NewCache(fmt.Sprint("c", i), []int{64, 500, 4096, 8000}[i], CacheOptions{Flags: flags})
		if !tell(err) {
			caches = append(caches, c)
		}
	}
	owner := map[Pointer]*Cache{}
	var order []Pointer // of allocation
	get := func(n int) {
		for _, c := range caches {
			for range n {
				p, err := c.TryAlloc()
				if tell(err) {
					break
				}
				if owner[p] != nil {
					t.Errorf("%p was handed out twice", p)
				}
				owner[p] = c
				order = append(order, p)
			}
		}
	}
	put := func(n int) {
		for i, p := range order[:n] {
			if i%10 == 0 {
				owner[p].FreeDeferred(p)
			} else {
				owner[p].Free(p)
			}
			delete(owner, p)
		}
		order = order[n:]
	}
	get(100)
	put(len(order) / 2)
	for range 3 {
		for _, c := range h.Caches() {
			c.reap(true)
		}
		d.Barrier()
		h.buddy.trimIdle()
	}
	get(60)
	smp.Run(1, func(cpu *smp.CPU) {
		for _, c := range caches {
			l := c.On(cpu)
			if p := l.Alloc(); p != nil {
				l.Free(p)
			}
		}
	})
	put(len(order))
	for i, c := range caches {
		if i%2 == 0 {
			c.Shrink()
		}
	}
	h.Trim()
	for _, c := range caches {
		if err := c.Destroy(); err != nil {
			t.Error(err)
		}
	}
	for _, c := range h.inner {
		c.Shrink()
	}
	checkBuddy(t, &h.buddy)
	if tell(h.Close()) {
		mmap.Faults.To.Store(0)
		if err := h.Close(); err != nil {
			t.Errorf("Close, once the system works again: %v", err)
		}
	}
	return told
}

// checkGone looks at all that was mapped since it did so last: none of it may have
// memory behind it, nor be accessible, unless the system refused to the end.
func checkGone(t *testing.T, works bool) {
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	mmap.Mapped.Lock()
	defer mmap.Mapped.Unlock()
	ours, where := false, ""
	for line := range strings.Lines(string(smaps)) {
		if rss, ok := strings.CutPrefix(line, "Rss:"); ok {
			if ours && strings.Fields(rss)[0] != "0" {
				t.Errorf("still %s of memory in %s", strings.TrimSpace(rss), where)
			}
			continue
		}
		addresses, rest, _ := strings.Cut(line, " ")
		lo, hi, ok := strings.Cut(addresses, "-")
		if !ok || strings.HasSuffix(addresses, ":") {
			continue
		}
		from, _ := strconv.ParseUint(lo, 16, 64)
		to, _ := strconv.ParseUint(hi, 16, 64)
		where = line
		ours = slices.ContainsFunc(mmap.Mapped.Ranges, func(r [2]uintptr) bool {
			return uintptr(from) < r[1] && r[0] < uintptr(to)
		})
		if ours && works && !strings.HasPrefix(rest, "---p") {
			t.Errorf("still accessible: %s", line)
		}
	}
	mmap.Mapped.Ranges = nil
}
