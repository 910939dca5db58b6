package kmem

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

// takePages takes n blocks of one page each.
func takePages(t testing.TB, b *buddy, n int) (pages []uintptr) {
	t.Helper()
	for range n {
		p, err := b.getPages(0, 0, true)
		if err != nil {
			t.Fatal(err)
		}
		b.h.page(p).owner = 1
		pages = append(pages, p)
	}
	return pages
}

// TestTrimJoinsNeighbours: whatever the order in which pages were freed, those
// that adjoin go back in one range, up to a chunk's worth.
func TestTrimJoinsNeighbours(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	b := &h.buddy
	pages := takePages(t, b, 2*chunkPages)
	rand.Shuffle(len(pages), func(i, j int) { pages[i], pages[j] = pages[j], pages[i] })
	kept := map[uintptr]bool{}
	for _, p := range pages {
		// Two holes: what is left is 3 + 96 + the rest.
		if rel := p - chunkPages; rel == 3 || rel == 100 {
			kept[p] = true
			continue
		}
		b.freePages(p, 0)
	}
	ranges := collectAll(b)
	want := []pageRange{{chunkPages, 3, 3}, {chunkPages + 4, 96, 96}, {first: chunkPages + 101}}
	if len(ranges) < 3 || len(ranges) > 4 || ranges[0] != want[0] || ranges[1] != want[1] || ranges[2].first != want[2].first {
		t.Errorf("ranges %v, want %v and the rest in one or two", ranges, want)
	}
	checkBuddy(t, b)
	for p := range kept {
		b.freePages(p, 0)
	}
	b.trim()
	if b.dirty != 0 || b.free[0][clean][maxBuddy] == 0 {
		t.Errorf("after a trim of all: %d pages dirty, blocks %v", b.dirty, b.free)
	}
}

// collectAll returns the ranges that a trim of everything would begin with, and
// puts them back as they were, but for clean pages among them.
func collectAll(b *buddy) []pageRange {
	b.trims.mu.Lock()
	defer b.trims.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	ranges := b.collect(b.trims.batch[:0], b.dirty)
	for _, r := range ranges {
		b.dirty += r.n - r.dirty
		b.putRange(r, dirty)
	}
	return ranges
}

// TestTrimBridges: a few clean pages between dirty ones do not make two ranges of
// one, many do, and a page in use always does.
func TestTrimBridges(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	b := &h.buddy
	pages := takePages(t, b, 1024)
	slices.Sort(pages)
	free := func(from, to int) {
		for _, p := range pages[from:to] {
			b.freePages(p, 0)
		}
	}
	free(101, 103) // clean, 2 of them
	free(200, 500) // clean, and many blocks: 3 before the boundaries at 256, 3 behind
	b.trim()
	free(100, 101)
	free(103, 104)
	free(198, 200)
	free(500, 501)
	free(601, 604) // beside a page in use
	free(605, 606)
	want := []pageRange{
		{pages[100], 4, 2},
		{pages[198], 2, 2}, {pages[500], 1, 1},
		{pages[601], 3, 3}, {pages[605], 1, 1},
	}
	if got := collectAll(b); !slices.Equal(got, want) {
		t.Errorf("ranges %v, want %v", got, want)
	}
	checkBuddy(t, b)
	free(0, 100)
	free(104, 198)
	free(501, 601)
	free(604, 605)
	free(606, 1024)
	b.trim()
	if b.dirty != 0 || b.used != 0 {
		t.Errorf("after a trim of all: %d pages dirty, %d in use", b.dirty, b.used)
	}
}

// TestTrimGivesBack: the system says itself that the memory is gone.
func TestTrimGivesBack(t *testing.T) {
	if mmap.HeapBacked {
		t.Skip("pages come from the Go heap here")
	}
	h := newTestHeap(t, HeapOptions{})
	b := &h.buddy
	resident := func() uintptr {
		n, err := b.region.Resident()
		if err != nil {
			t.Skip(err)
		}
		return n >> pageShift
	}
	pages := takePages(t, b, 3000)
	for _, p := range pages {
		*(*byte)(h.at(p << pageShift)) = 1
	}
	if n := resident(); n < 3000 {
		t.Fatalf("%d pages resident, 3000 were written", n)
	}
	for i, p := range pages {
		if i%2 == 0 {
			b.freePages(p, 0)
		}
	}
	b.trim()
	if n := resident(); n != 1500 {
		t.Errorf("%d pages resident, 1500 are in use", n)
	}
	for i, p := range pages {
		if i%2 == 1 {
			if *(*byte)(h.at(p << pageShift)) != 1 {
				t.Fatalf("page %d in use was discarded", p)
			}
			b.freePages(p, 0)
		}
	}
	b.trim()
	const populated = 3000 + -3000&(1<<aheadOrder-1) // in whole blocks
	if n := resident(); n != 0 || b.discarded != populated {
		t.Errorf("%d pages resident, %d discarded; want 0 and %d", n, b.discarded, populated)
	}
}

// TestTrimIdle: pages that are used in every interval stay, those that are not
// go after one whole interval.
func TestTrimIdle(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	b := &h.buddy
	for _, p := range takePages(t, b, 100) {
		b.freePages(p, 0)
	}
	if !b.trimIdle() || b.discarded != 0 {
		t.Fatalf("the interval in which they were freed: %d discarded, want none", b.discarded)
	}
	for range 5 { // 30 at a time are in use now and then
		for _, p := range takePages(t, b, 30) {
			b.freePages(p, 0)
		}
		b.trimIdle()
	}
	// Whole blocks go, so that more than the idle 70 may.
	if b.discarded < 70 || b.dirty+uintptr(b.discarded) < 100 {
		t.Errorf("%d pages discarded, want about 70; %d are left", b.discarded, b.dirty)
	}
	if b.trimIdle(); b.trimIdle() || b.dirty != 0 {
		t.Errorf("after two idle intervals %d pages are left", b.dirty)
	}
}
