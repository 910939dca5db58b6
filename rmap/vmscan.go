// The page scanner: pages age, and those that nobody touches go to swap. It
// comes to every anon_vma obliquely; see doc.go.

package rmap

import (
	"time"
)

// scanBatch is how many pages a scanner takes off a list at a time.
const scanBatch = 32

// Scan looks at n pages or a few more, at none much more often than once, and
// returns how many frames it freed. The active list gives up pages that nobody
// touched when it is the longer one; the inactive list gives back those that were
// touched, and the rest go to swap. The caller holds no lock but mmap.
func (t *Task) Scan(n int) (freed int) {
	active, inactive := t.m.lru.lengths()
	n = min(n, active+inactive) // who was just looked at needs time to be touched
	for scanned := 0; scanned < n; active, inactive = t.m.lru.lengths() {
		aged := 0
		if active > inactive {
			aged = t.ageActive()
		}
		shrunk, gone := t.shrinkInactive()
		if aged+shrunk == 0 {
			break // others have isolated them all
		}
		scanned += aged + shrunk
		freed += gone
	}
	return freed
}

// ageActive moves pages that nobody touched to the inactive list, and the others
// to the head of their own.
func (t *Task) ageActive() (scanned int) {
	l := &t.m.lru
	batch := t.batch[:l.isolate(t.m.heap, &l.active, t.batch[:])]
	for _, p := range batch {
		t.putBack(p, p.Referenced(t) > 0)
	}
	t.counts.Scanned += uint64(len(batch))
	return len(batch)
}

// shrinkInactive frees what it can.
func (t *Task) shrinkInactive() (scanned, freed int) {
	l := &t.m.lru
	batch := t.batch[:l.isolate(t.m.heap, &l.inactive, t.batch[:])]
	for _, p := range batch {
		switch t.shrinkPage(p) {
		case pageGone:
			freed++
			t.m.put(p)
		case pageKept:
			t.putBack(p, false)
		case pageActivated:
			t.putBack(p, true)
		}
	}
	t.counts.Scanned += uint64(len(batch))
	t.counts.Reclaimed += uint64(freed)
	return len(batch), freed
}

// putBack ends the isolation of a page.
func (t *Task) putBack(p *Page, active bool) {
	t.m.lru.add(t.m.heap, p, active)
	t.m.putMapped(p)
}

// fate is what a scanner makes of an inactive page.
type fate int

const (
	pageGone      fate = iota // the scanner's reference is the last one
	pageKept                  // another time
	pageActivated             // it is in use
)

// shrinkPage sends an isolated page to swap if nobody has touched it. Under the
// page's lock nobody maps a page that is not mapped, so what is unmapped stays
// so until it is written out and off the swap cache.
func (t *Task) shrinkPage(p *Page) fate {
	if !p.lock.TryLock() {
		return pageKept
	}
	defer p.lock.Unlock()
	if p.Referenced(t) > 0 && p.Mapped() {
		return pageActivated
	}
	if !p.inSwapCache() {
		if !p.Mapped() { // not mapped yet, or not any more
			return pageKept
		}
		if !t.m.addToSwap(p) {
			return pageActivated
		}
	}
	if p.Mapped() {
		switch p.TryToUnmap(t) {
		case Again:
			return pageKept
		case Fail:
			return pageActivated
		}
		t.counts.Unmapped++
	}
	t.m.writeOut(p)
	t.m.swap.lock.Lock()
	defer t.m.swap.lock.Unlock()
	if !t.m.swap.forget(p) {
		return pageKept
	}
	return pageGone
}

// Scanner keeps frames free until running says stop: it scans while fewer than
// low are free and stops at high, and rests in between. It is the body of a CPU
// of its own.
func (t *Task) Scanner(low, high int, running func() bool) {
	for running() {
		if t.m.FreeFrames() >= low {
			t.Rest()
			time.Sleep(scanRest)
			continue
		}
		for running() && t.m.FreeFrames() < high {
			t.Scan(scanBatch)
			t.Rest()
		}
	}
}

// scanRest is how long the scanner sleeps when memory is plenty.
const scanRest = 100 * time.Microsecond
