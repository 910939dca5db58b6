package kmem

import (
	"errors"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// tester is what testing.T and rapid.T share.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkBuddy walks all free blocks and checks that they and the pages handed
// out make up what is committed, each page once.
func checkBuddy(t tester, b *buddy) {
	t.Helper()
	b.trims.mu.Lock() // pages that are being discarded are on no list
	defer b.trims.mu.Unlock()
	for b.mu.Lock(); b.begun != b.done; b.mu.Lock() { // and so are those that are populated
		b.mu.Unlock()
		runtime.Gosched()
	}
	defer b.mu.Unlock()
	var free, resident uintptr
	for home := range b.free {
		for state := range b.free[home] {
			for order := range uint(maxBuddy + 1) {
				n := checkFree(t, b, home, uint(state), order)
				free += n
				if state == dirty {
					resident += n
				}
			}
		}
	}
	committed := uintptr(0)
	if b.committed > 0 {
		committed = b.committed - chunkPages
	}
	if free+b.used != committed {
		t.Fatalf("%d pages free and %d handed out, %d committed", free, b.used, committed)
	}
	if resident != b.dirty {
		t.Fatalf("%d pages in dirty blocks, counted %d", resident, b.dirty)
	}
}

// checkFree walks one list and returns how many pages its blocks have.
func checkFree(t tester, b *buddy, home int, state, order uint) (pages uintptr) {
	t.Helper()
	prev := uint32(0)
	for n := b.free[home][state][order]; n != 0; {
		p := b.h.page(uintptr(n))
		if p.owner != freeMark(order, state) {
			t.Fatalf("block %d of order %d has mark %#x", n, order, p.owner)
		}
		if uintptr(n)&(1<<order-1) != 0 {
			t.Fatalf("block %d of order %d is misaligned", n, order)
		}
		if land := int(b.land[n>>pageblock]); order < pageblock && home != land || order >= pageblock && home != 0 {
			t.Fatalf("block %d of order %d, on the land of home %d, is on a list of home %d", n, order, land, home)
		}
		next, pr := b.h.slabOf(uintptr(n)).links()
		if pr != prev {
			t.Fatalf("block %d: prev is %d, want %d", n, pr, prev)
		}
		buddy := b.h.page(uintptr(n) ^ 1<<order)
		if order < maxBuddy && buddy.owner == freeMark(order, state) {
			t.Fatalf("block %d of order %d and its buddy are free and alike", n, order)
		}
		pages += 1 << order
		prev, n = n, next
	}
	return pages
}

// TestBuddyModel plays random requests against a set of pages. Each run has a heap
// of its own, so that one that fails can be repeated, and the lists are checked at
// each step, before anything can go round in a circle.
func TestBuddyModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h, err := NewHeap(HeapOptions{Name: "model", Reserve: 16 << 20, Limit: 6 << 20, Reap: ReapOptions{Off: true}})
		if err != nil {
			rt.Fatalf("NewHeap: %v", err)
		}
		defer h.Close()
		type block struct {
			first uintptr
			order uint
		}
		var out []block
		taken := map[uintptr]bool{}
		release := func(i int) {
			bl := out[i]
			out[i] = out[len(out)-1]
			out = out[:len(out)-1]
			for n := range uintptr(1) << bl.order {
				delete(taken, bl.first+n)
			}
			h.buddy.freePages(bl.first, bl.order)
		}
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "op") {
			case 0, 1, 2:
				order := uint(rapid.IntRange(0, 8).Draw(rt, "order"))
				first, err := h.buddy.getPages(order, uint8(rapid.IntRange(0, homes-1).Draw(rt, "home")), rapid.Bool().Draw(rt, "more"))
				if err != nil {
					if !errors.Is(err, ErrNoMemory) {
						rt.Fatalf("getPages: %v", err)
					}
					continue
				}
				for n := range uintptr(1) << order {
					if taken[first+n] || first+n < chunkPages {
						rt.Fatalf("page %d handed out twice, or never committed", first+n)
					}
					taken[first+n] = true
					h.page(first + n).owner = 1
				}
				out = append(out, block{first, order})
			case 3, 4:
				if len(out) > 0 {
					release(rapid.IntRange(0, len(out)-1).Draw(rt, "which"))
				}
			case 5:
				h.buddy.trim()
				if h.buddy.dirty != 0 {
					rt.Fatalf("%d pages dirty after trim", h.buddy.dirty)
				}
			}
			if uintptr(len(taken)) != h.buddy.used || h.buddy.used+h.buddy.dirty > h.buddy.limit {
				rt.Fatalf("%d pages out, counted %d; %d dirty; limit %d", len(taken), h.buddy.used, h.buddy.dirty, h.buddy.limit)
			}
			checkBuddy(rt, &h.buddy)
		}
	})
}
