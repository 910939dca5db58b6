// Fork: a second address space that maps the same pages. See doc.go for the walk.

package rmap

import "github.com/slabrcu/slabrcu/kmem"

// Fork makes a copy of an address space. Pages are shared until one side writes
// to them; VMAs of the copy join the anon_vmas of the original. It fails with
// [ErrNoMemory], and then there is no copy.
func (t *Task) Fork(parent *MM) (*MM, error) {
	child, err := t.NewMM()
	if err != nil {
		return nil, err
	}
	parent.mmap.Lock()
	err = t.forkInto(child, parent)
	parent.mmap.Unlock()
	if err != nil {
		t.Exit(child)
		return nil, err
	}
	return child, nil
}

// forkInto copies the VMAs, each with its pages. A copy is on the list of its
// anon_vma before it has pages: a scanner that walks the list finds them all or
// will be told by the mapcount that it did not.
func (t *Task) forkInto(child, parent *MM) error {
	h := t.m.heap
	var last *VMA
	for v := parent.vmas.Ptr(h); v != nil; v = v.next.Ptr(h) {
		w := t.vmas.alloc()
		if w == nil {
			return ErrNoMemory
		}
		w.mm, w.flags = kmem.RefOf(h, child), v.flags&^Locked
		w.start, w.end, w.pgoff = v.start, v.end, v.pgoff
		child.insert(h, last, w)
		last = w
		if av := v.anon.Load().Ptr(h); av != nil {
			t.m.road.lock(av)
			t.m.link(av, w)
			t.m.road.unlock(av)
		}
		if err := t.copyRange(child, parent, v.start, v.end); err != nil {
			return err
		}
	}
	return nil
}

// copyRange copies the entries of a range, table by table.
func (t *Task) copyRange(child, parent *MM, start, end uint64) error {
	h := t.m.heap
	for addr := start; addr < end; {
		stop := min(end, (addr>>tableShift+1)<<tableShift)
		if parent.dir[addr>>tableShift].IsNil() { // stable: tables appear under mmap
			addr = stop
			continue
		}
		if err := t.needTable(child, addr); err != nil {
			return err
		}
		parent.ptl.Lock()
		child.ptl.Lock() // nested: nobody else takes two
		for ; addr < stop; addr++ {
			t.copyEntry(child, parent.pte(h, addr), child.pte(h, addr))
		}
		child.ptl.Unlock()
		parent.ptl.Unlock()
	}
	return nil
}

// copyEntry shares what an entry stands for. From now on both sides must fault
// before they write.
func (t *Task) copyEntry(child *MM, from, to *pte) {
	e := *from
	switch {
	case e.present():
		*from &^= pteWrite
		p := t.m.frame(e)
		p.get()
		t.m.road.dup(p)
		child.rss++
		*to = e &^ (pteWrite | pteYoung)
	case e.swapped():
		t.m.swap.dup(e.slot())
		*to = e
	}
}
