// Free frames: a stack of them, and reclaim when it is empty.

package rmap

import (
	"runtime"

	"github.com/slabrcu/slabrcu/kmem"
)

// freeFrames is the stack of free frames.
type freeFrames struct {
	lock  kmem.Lock
	stack []*Page
}

// makeFrames makes the descriptors of n frames, all free.
func (m *Machine) makeFrames(n int) error {
	m.frames = make([]*Page, 0, n)
	m.free.stack = make([]*Page, 0, n)
	for i := range n {
		p, err := m.pages.TryAlloc()
		if err != nil {
			return err
		}
		p.number = uint32(i)
		m.frames = append(m.frames, p)
		m.free.stack = append(m.free.stack, p)
	}
	return nil
}

func (f *freeFrames) push(p *Page) {
	f.lock.Lock()
	f.stack = append(f.stack, p)
	f.lock.Unlock()
}

// pop returns a free frame, with one reference, or nil.
func (f *freeFrames) pop() *Page {
	f.lock.Lock()
	defer f.lock.Unlock()
	n := len(f.stack) - 1
	if n < 0 {
		return nil
	}
	p := f.stack[n]
	f.stack = f.stack[:n]
	p.count.Store(1)
	return p
}

// FreeFrames returns how many frames are free at the moment.
func (m *Machine) FreeFrames() int {
	m.free.lock.Lock()
	defer m.free.lock.Unlock()
	return len(m.free.stack)
}

// reclaimRounds is how often an allocation looks for pages to reclaim before it
// gives up.
const reclaimRounds = 20

// newPage returns a free frame with one reference, all its own. When there is
// none it reclaims, so the caller may hold no lock but mmap. Nil: no memory.
func (t *Task) newPage() *Page {
	for round := 0; ; round++ {
		if p := t.m.free.pop(); p != nil {
			return p
		}
		if round == reclaimRounds {
			return nil
		}
		if t.Scan(scanBatch) == 0 {
			runtime.Gosched() // others hold what could be reclaimed
		}
	}
}
