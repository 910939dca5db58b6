package mmap

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
)

// region reserves and, at the end, retires: no test leaves memory behind.
func region(t *testing.T, size uintptr) *Region {
	t.Helper()
	r, err := Reserve(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Retire(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestReserveGrants(t *testing.T) {
	for _, size := range []uintptr{1, PageSize, PageSize + 1, 3 << 20, 64 << 30} {
		r := region(t, size)
		want := roundUp(size, sysPage)
		if HeapBacked {
			want = min(want, MaxHeapBacked)
		}
		if r.Size() != want {
			t.Errorf("Reserve(%#x): size %#x, want %#x", size, r.Size(), want)
		}
		if a := uintptr(r.Base()); a%BaseAlign != 0 {
			t.Errorf("Reserve(%#x): base %#x not aligned to %#x", size, a, BaseAlign)
		}
	}
}

func TestReserveRefuses(t *testing.T) {
	sizes := []uintptr{0, math.MaxUint, math.MaxUint - BaseAlign}
	if !HeapBacked {
		sizes = append(sizes, 1<<62)
	}
	for _, size := range sizes {
		r, err := Reserve(size)
		if err == nil {
			t.Fatalf("Reserve(%#x) = %p, want an error", size, r.Base())
		}
		if !strings.Contains(err.Error(), "reserve 0x") {
			t.Errorf("Reserve(%#x): %q does not name operation and size", size, err)
		}
	}
}

func TestDiscardReadsZero(t *testing.T) {
	r := region(t, 1<<20)
	must(t, r.Commit(PageSize, 8*PageSize))
	b := r.bytes(PageSize, 8*PageSize)
	fill := func() {
		for i := range b {
			b[i] = 0xa5
		}
	}
	for i, v := range b {
		if v != 0 {
			t.Fatalf("fresh byte %d reads %#x", i, v)
		}
	}
	fill()
	must(t, r.Discard(2*PageSize, 3*PageSize))
	for i, v := range b {
		want := byte(0xa5)
		if i >= PageSize && i < 4*PageSize {
			want = 0
		}
		if v != want {
			t.Fatalf("after Discard byte %d reads %#x, want %#x", i, v, want)
		}
	}
	fill() // still committed
	must(t, r.Protect(PageSize, 8*PageSize))
	must(t, r.Commit(PageSize, 8*PageSize))
	if b[0] != 0xa5 {
		t.Error("Protect and Commit lost the contents")
	}
}

// TestLargeSystemPage runs the rounding as on a system with pages of 16 KiB.
func TestLargeSystemPage(t *testing.T) {
	defer func(p uintptr) { sysPage = p }(sysPage)
	sysPage = max(sysPage, 4*PageSize)
	r := region(t, 1<<20)
	must(t, r.Commit(PageSize, 9*PageSize)) // becomes 0 to 12 pages
	b := r.bytes(0, 12*PageSize)
	for i := range b {
		b[i] = 1
	}
	must(t, r.Discard(3*PageSize, 6*PageSize))
	must(t, r.Discard(10*PageSize, PageSize))
	for i, v := range b {
		page, want := i/PageSize, byte(1)
		if page >= 3 && page < 9 || page == 10 {
			want = 0
		}
		if v != want {
			t.Fatalf("page %d byte %d reads %d, want %d", page, i, v, want)
		}
	}
	must(t, r.Protect(PageSize, PageSize)) // less than a system page: nothing
	b[PageSize] = 2
}

func TestResidentFollows(t *testing.T) {
	r := region(t, 256<<20)
	if _, err := r.Resident(); errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system does not tell resident bytes")
	}
	want := func(step string, n uintptr) {
		t.Helper()
		got, err := r.Resident()
		must(t, err)
		if got != n {
			t.Errorf("%s: %d bytes resident, want %d", step, got, n)
		}
	}
	const far = 200 << 20
	want("reserved", 0)
	must(t, r.Commit(0, 1<<20))
	must(t, r.Commit(far, 1<<20))
	want("committed", 0)
	for i := uintptr(0); i < 1<<20; i += sysPage {
		r.bytes(0, 1<<20)[i] = 1
	}
	r.bytes(far, sysPage)[0] = 1
	want("touched", 1<<20+sysPage)
	must(t, r.Discard(0, 1<<19))
	want("half discarded", 1<<19+sysPage)
	must(t, r.Protect(0, 1<<20))
	want("protected", 1<<19+sysPage)
	must(t, r.Discard(far, sysPage))
	want("far discarded", 1<<19)
}

func TestNameIsHarmless(t *testing.T) {
	r := region(t, PageSize)
	for _, s := range []string{"", "slabrcu heap", "odd [name] $\n\x00", strings.Repeat("x", 300)} {
		r.Name(s)
	}
}

func TestMisusePanics(t *testing.T) {
	r := region(t, 4*sysPage)
	gone, err := Reserve(PageSize)
	must(t, err)
	must(t, gone.Retire())
	must(t, gone.Retire()) // twice is legal
	size := r.Size()
	for _, c := range []struct {
		name string
		call func()
		want string
	}{
		{"misaligned offset", func() { r.Commit(1, PageSize) }, "commit offset 0x1"},
		{"misaligned length", func() { r.Discard(0, 7) }, "length 0x7"},
		{"outside", func() { r.Protect(size, PageSize) }, "inside the region"},
		{"overlapping the end", func() { r.Commit(PageSize, size) }, "inside the region"},
		{"wrapping", func() { r.Commit(PageSize, math.MaxUint-PageSize+1) }, "inside the region"},
		{"commit after retire", func() { gone.Commit(0, PageSize) }, "commit of a retired region"},
		{"discard after retire", func() { gone.Discard(0, PageSize) }, "discard of a retired region"},
		{"name after retire", func() { gone.Name("x") }, "name of a retired region"},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, c.want) {
					t.Errorf("panic %q, want %q in it", s, c.want)
				}
			}()
			c.call()
		})
	}
	must(t, r.Commit(size, 0)) // nothing, at the very end: legal
}

// TestRaceLaneKeepsStalePointers: in the race lane a pointer into a retired
// region stays good, whatever happened to the Region.
func TestRaceLaneKeepsStalePointers(t *testing.T) {
	if !HeapBacked {
		t.Skip("regions are not from Go's heap here")
	}
	r := region(t, 1<<20)
	must(t, r.Commit(0, PageSize))
	b := r.bytes(0, PageSize)
	b[0] = 1
	must(t, r.Retire())
	r = nil
	runtime.GC()
	if b[0] != 0 {
		t.Error("Retire did not clear")
	}
}

// TestPopulate: pages have memory before anybody touches them, and what was written stays.
func TestPopulate(t *testing.T) {
	r := region(t, BaseAlign)
	const n = 16 * PageSize
	must(t, r.Commit(0, 2*n))
	b := r.bytes(0, 2*n)
	b[PageSize] = 7
	r.Populate(0, 0)
	r.Populate(0, n)
	resident, err := r.Resident()
	if err == nil && !HeapBacked && resident != n && runtime.GOOS == "linux" {
		t.Errorf("%d bytes resident of %d that were populated", resident, n)
	}
	if b[PageSize] != 7 || b[0] != 0 {
		t.Errorf("a page that was written holds %d, a fresh one %d; want 7 and 0", b[PageSize], b[0])
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic beyond the region")
		}
	}()
	r.Populate(r.Size(), PageSize)
}
