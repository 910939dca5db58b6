package kmem

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

// TestLimit: a heap at its limit fails with a clear error and loses nothing, and
// serves again when something was freed.
func TestLimit(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, size := range []int{64, 1024, 16384} {
			h := newTestHeap(t, HeapOptions{Name: "small", Limit: 1 << 20, Layout: layout})
			c := newTestCache(t, h, "limited", size, CacheOptions{Flags: DestroyByRCU})
			var live []Pointer
			for {
				p, err := c.TryAlloc()
				if err != nil {
					if !errors.Is(err, ErrNoMemory) || !strings.Contains(err.Error(), `heap "small": the limit of 1048576 bytes is reached`) {
						t.Fatalf("at the limit: %v", err)
					}
					break
				}
				live = append(live, p)
			}
			// What the reaper took meanwhile, or another slot held, is still to be had.
			for p := c.Alloc(); p != nil; p = c.Alloc() {
				live = append(live, p)
			}
			if s := h.Stats(); s.Live > s.Limit || s.Live < s.Limit*9/10 {
				t.Fatalf("at the limit: %+v", s)
			}
			for _, p := range live[:len(live)/2] {
				c.Free(p)
			}
			p, err := c.TryAlloc()
			if err != nil {
				t.Fatalf("after frees: %v", err)
			}
			for _, p := range append(live[len(live)/2:], p) {
				c.Free(p)
			}
		}
	})
}

// TestLimitTakesFreePages: pages that are free but resident count against the
// limit and are given back for it, also from limbo.
func TestLimitTakesFreePages(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	for range 20 {
		a := newTestCache(t, h, "a", 4096, CacheOptions{Flags: DestroyByRCU})
		var live []Pointer
		for p := a.Alloc(); p != nil; p = a.Alloc() {
			live = append(live, p)
		}
		if len(live) < 200 {
			t.Fatalf("only %d pages of %d fit", len(live), 256)
		}
		for _, p := range live {
			a.Free(p)
		}
		if err := a.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCtorPanics: the slab is given up, the panic goes on, nothing is lost.
func TestCtorPanics(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		n, bad := 0, true
		c := newTestCache(t, h, "ctor", 64, CacheOptions{Ctor: func(Pointer) {
			if n++; bad && n%10 == 0 {
				panic("the constructor's own words")
			}
		}})
		for range 5 {
			mustPanic(t, "the constructor's own words", func() { c.Alloc() })
			if s := c.Stats(); s.Slabs != 0 || s.Grown != 0 {
				t.Fatalf("after the panic: %+v", s)
			}
		}
		bad = false
		c.Free(c.Alloc())
	})
}

// TestSystemRefuses runs TestLimit's loop in a child process whose data segment
// is limited, so that mprotect fails in the middle of growth.
func TestSystemRefuses(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("pages come from the Go heap here: the system is not asked")
	}
	if os.Getenv("KMEM_TEST_RLIMIT") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSystemRefuses$", "-test.v")
		cmd.Env = append(os.Environ(), "KMEM_TEST_RLIMIT=1", "GOGC=off") // the collector wants memory too
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "refused after") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	h := newTestHeap(t, HeapOptions{Name: "refused"})
	c := newTestCache(t, h, "c", 4096, CacheOptions{})
	const rlimitData = 2
	var old syscall.Rlimit
	if err := syscall.Getrlimit(rlimitData, &old); err != nil {
		t.Skipf("no RLIMIT_DATA here: %v", err)
	}
	var live []Pointer
	for p := c.Alloc(); p != nil; p = c.Alloc() {
		live = append(live, p)
		if len(live) == 3000 {
			stockRuntime()
			// From here on the process gets little more writable memory of its
			// own; Go's runtime lives on its stock.
			if err := syscall.Setrlimit(rlimitData, &syscall.Rlimit{Cur: dataBytes(t) + 3<<20, Max: old.Max}); err != nil {
				t.Skipf("cannot set RLIMIT_DATA: %v", err)
			}
		}
		if len(live) > 100000 {
			t.Fatal("the limit does not bite")
		}
	}
	_, err := c.TryAlloc()
	syscall.Setrlimit(rlimitData, &old)
	if !errors.Is(err, ErrNoMemory) || !errors.Is(err, syscall.ENOMEM) {
		t.Fatalf("refused by the system: %v", err)
	}
	t.Logf("refused after %d pages: %v", len(live), err)
	for _, p := range live {
		c.Free(p)
	}
}

// stockRuntime leaves Go's runtime with 64 MiB of free spans, which stay mapped:
// a runtime that is refused memory ends the process, and with assertions on each
// look at a cache boxes thousands of words.
func stockRuntime() {
	spans := make([][]byte, 8192)
	for i := range spans {
		spans[i] = make([]byte, 8192)
	}
	clear(spans)
	runtime.GC()
	runtime.GC() // the second has swept what the first freed
}

// dataBytes is what RLIMIT_DATA counts of this process, in bytes.
func dataBytes(t *testing.T) uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, after, _ := strings.Cut(string(status), "VmData:")
	var kib uint64
	if _, err := fmt.Sscan(after, &kib); err != nil {
		t.Skip(err)
	}
	return kib << 10
}

func TestReserveRefuses(t *testing.T) {
	for _, n := range []uintptr{1, 4 << 20, 1 << 46} {
		if _, err := NewHeap(HeapOptions{Name: "odd", Reserve: n}); err == nil || !strings.Contains(err.Error(), `NewHeap "odd": cannot reserve`) {
			t.Errorf("Reserve %d: %v", n, err)
		}
	}
	if mmap.HeapBacked {
		return
	}
	if _, err := NewHeap(HeapOptions{Name: "odd", Reserve: 15 << 40}); err != nil && !strings.Contains(err.Error(), "reserve") {
		t.Errorf("Reserve beyond the address space: %v", err)
	}
	if _, err := NewHeap(HeapOptions{Layout: layout269i386()}); err == nil || !strings.Contains(err.Error(), "cannot be run, only computed") {
		t.Errorf("a layout of another machine: %v", err)
	}
}

// TestDescriptorRefused: pages came and the descriptor did not, because the
// limit lies between them.
func TestDescriptorRefused(t *testing.T) {
	const limit = 8 * pageSize
	h := newTestHeap(t, HeapOptions{Layout: LayoutNative, Limit: limit})
	c := newTestCache(t, h, "c", 3*pageSize, CacheOptions{})
	if n := c.Geometry().SlabBytes(); n != limit {
		t.Fatalf("slabs of %d bytes, want the limit", n)
	}
	for range 3 {
		if p := c.Alloc(); p != nil {
			t.Fatal("a slab and its descriptor fit the limit")
		}
		if s := h.Stats(); s.Live != 0 {
			t.Fatalf("%d bytes live after a failed growth", s.Live)
		}
	}
}
