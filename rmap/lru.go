// LRU lists: pages in the order in which they were last found in use. Beside the
// walk of doc.go; the scanner in vmscan.go moves pages between them.

package rmap

import "github.com/slabrcu/slabrcu/kmem"

// lru is the two lists. A page is on one of them from its first mapping until it
// is freed, except while a scanner has isolated it.
type lru struct {
	lock     kmem.Lock
	inactive lruList // the next to go are at its tail
	active   lruList
}

type lruList struct {
	head, tail kmem.Ref[Page]
	n          int
}

// of returns the list that a page's flags send it to. The caller holds lock.
func (l *lru) of(p *Page) *lruList {
	if p.has(pageActive) {
		return &l.active
	}
	return &l.inactive
}

// add puts a page that is on no list at the head of one. The caller has a
// reference.
func (l *lru) add(h *kmem.Heap, p *Page, active bool) {
	l.lock.Lock()
	defer l.lock.Unlock()
	p.clear(pageActive)
	bits := uint32(pageLRU)
	if active {
		bits |= pageActive
	}
	p.set(bits)
	l.of(p).push(h, p)
}

// remove takes a page off its list, if it is on one.
func (l *lru) remove(h *kmem.Heap, p *Page) {
	if !p.has(pageLRU) {
		return // nobody puts a page without references on a list
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if p.testClear(pageLRU) {
		l.of(p).unlink(h, p)
	}
}

// isolate takes pages off the tail of a list, each with a reference, and returns
// how many. A page that is being freed stays: its freer waits for the lock.
func (l *lru) isolate(h *kmem.Heap, from *lruList, out []*Page) int {
	l.lock.Lock()
	defer l.lock.Unlock()
	n := 0
	for p := from.tail.Ptr(h); p != nil && n < len(out); {
		prev := p.lruPrev.Ptr(h)
		if p.tryGet() {
			p.clear(pageLRU)
			from.unlink(h, p)
			out[n] = p
			n++
		}
		p = prev
	}
	return n
}

// lengths returns how many pages are on the lists.
func (l *lru) lengths() (active, inactive int) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.active.n, l.inactive.n
}

func (l *lruList) push(h *kmem.Heap, p *Page) {
	ref := kmem.RefOf(h, p)
	p.lruPrev, p.lruNext = kmem.Ref[Page]{}, l.head
	if next := l.head.Ptr(h); next != nil {
		next.lruPrev = ref
	} else {
		l.tail = ref
	}
	l.head = ref
	l.n++
}

func (l *lruList) unlink(h *kmem.Heap, p *Page) {
	if prev := p.lruPrev.Ptr(h); prev != nil {
		prev.lruNext = p.lruNext
	} else {
		l.head = p.lruNext
	}
	if next := p.lruNext.Ptr(h); next != nil {
		next.lruPrev = p.lruPrev
	} else {
		l.tail = p.lruPrev
	}
	p.lruPrev, p.lruNext = kmem.Ref[Page]{}, kmem.Ref[Page]{}
	l.n--
}
