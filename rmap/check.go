// Check: the whole machine counted again, for tests and at the end of tortures.
// Beside the walk of doc.go.

package rmap

import (
	"fmt"

	"github.com/slabrcu/slabrcu/kmem"
)

// Check counts everything again and returns the first thing that does not add
// up: pages lost or doubled, counts that page tables do not explain, lists that
// are not lists. mms are all address spaces that there are; nobody may be at work
// on the machine meanwhile.
func (m *Machine) Check(mms ...*MM) error {
	c := census{m: m, maps: make([]int32, len(m.frames)), users: make([]uint32, len(m.swap.slots)), anons: map[*AnonVMA]int{}}
	for i, mm := range mms {
		if err := c.countMM(mm); err != nil {
			return fmt.Errorf("rmap: Check: address space %d of %d: %w", i, len(mms), err)
		}
	}
	for _, check := range []func() error{c.checkAnons, c.checkSwap, c.checkFrames, c.checkLRU} {
		if err := check(); err != nil {
			return fmt.Errorf("rmap: Check: %w", err)
		}
	}
	return nil
}

// census is what the page tables and lists say.
type census struct {
	m     *Machine
	maps  []int32  // entries by frame
	users []uint32 // entries by swap slot
	anons map[*AnonVMA]int
}

func (c *census) countMM(mm *MM) error {
	h := c.m.heap
	end, rss := uint64(0), 0
	for v := mm.vmas.Ptr(h); v != nil; v = v.next.Ptr(h) {
		if v.start < end || v.end <= v.start || v.mm != kmem.RefOf(h, mm) {
			return fmt.Errorf("VMA %d to %d behind page %d, of %v", v.start, v.end, end, v.mm)
		}
		end = v.end
		av := v.anon.Load().Ptr(h)
		if av != nil {
			c.anons[av]++
		}
		for addr := v.start; addr < v.end; addr++ {
			n, err := c.countEntry(mm, v, av, addr)
			if err != nil {
				return fmt.Errorf("page %d: %w", addr, err)
			}
			rss += n
		}
	}
	if rss != mm.rss {
		return fmt.Errorf("%d pages are mapped and rss is %d", rss, mm.rss)
	}
	return nil
}

// countEntry returns how many pages the entry maps.
func (c *census) countEntry(mm *MM, v *VMA, av *AnonVMA, addr uint64) (int, error) {
	mm.ptl.Lock()
	defer mm.ptl.Unlock()
	at := mm.pte(c.m.heap, addr)
	if at == nil || *at == 0 {
		return 0, nil
	}
	if at.swapped() {
		c.users[at.slot()]++
		return 0, nil
	}
	p := c.m.frame(*at)
	c.maps[p.number]++
	if got := p.loadMapping(); !got.isAnon() || got.anonVMA(c.m.heap) != av {
		return 0, fmt.Errorf("maps %v, which leads to another anon_vma than its VMA", p)
	}
	if got, here := v.address(p.index.Load()); !here || got != addr {
		return 0, fmt.Errorf("maps %v, whose index leads to page %d", p, got)
	}
	return 1, nil
}

func (c *census) checkAnons() error {
	for av, want := range c.anons {
		got := 0
		var prev kmem.Ref[VMA]
		for v := av.head.Ptr(c.m.heap); v != nil; v = v.anonNext.Ptr(c.m.heap) {
			if v.anon.Load().Ptr(c.m.heap) != av || v.anonPrev != prev {
				return fmt.Errorf("the list of an anon_vma is damaged at member %d", got)
			}
			prev = kmem.RefOf(c.m.heap, v)
			got++
		}
		if got != want || !av.genuine() || av.lock.Held() {
			return fmt.Errorf("an anon_vma has %d VMAs and its list %d; genuine %v, locked %v", want, got, av.genuine(), av.lock.Held())
		}
	}
	return nil
}

func (c *census) checkSwap() error {
	free := 0
	for slot := 1; slot < len(c.m.swap.slots); slot++ {
		s := &c.m.swap.slots[slot]
		if s.users != c.users[slot] {
			return fmt.Errorf("%d entries stand for swap slot %d, which counts %d", c.users[slot], slot, s.users)
		}
		if s.page != nil && s.page.slot.Load() != uint32(slot) {
			return fmt.Errorf("swap slot %d has %v", slot, s.page)
		}
		if s.users == 0 && s.page == nil {
			free++
		}
	}
	if free != len(c.m.swap.free) {
		return fmt.Errorf("%d swap slots are free and %d on the list", free, len(c.m.swap.free))
	}
	return nil
}

func (c *census) checkFrames() error {
	free := 0
	for i, p := range c.m.frames {
		want := c.maps[i]
		if p.mapCount() != want {
			return fmt.Errorf("%d entries map %v", want, p)
		}
		if p.inSwapCache() {
			want++
		}
		if p.count.Load() != want {
			return fmt.Errorf("%d references are known of %v", want, p)
		}
		if want == 0 {
			free++
		}
		if p.has(pageLRU) != (want > 0) {
			return fmt.Errorf("on an LRU list without being used, or the reverse: %v", p)
		}
	}
	if free != c.m.FreeFrames() {
		return fmt.Errorf("%d frames are free and %d on the list", free, c.m.FreeFrames())
	}
	return nil
}

func (c *census) checkLRU() error {
	l := &c.m.lru
	for _, list := range []*lruList{&l.inactive, &l.active} {
		n := 0
		for p := list.head.Ptr(c.m.heap); p != nil; p = p.lruNext.Ptr(c.m.heap) {
			if l.of(p) != list {
				return fmt.Errorf("on the wrong LRU list: %v", p)
			}
			n++
		}
		if n != list.n {
			return fmt.Errorf("an LRU list of %d pages counts %d", n, list.n)
		}
	}
	return nil
}
