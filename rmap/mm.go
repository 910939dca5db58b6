// Address spaces: their life, and what changes their VMAs. Side O of the race in
// doc.go: this is where mappings and anon_vmas go away under a reader.

package rmap

import (
	"fmt"
	"sync"

	"github.com/slabrcu/slabrcu/kmem"
)

// MM is an address space. Several tasks may work in it at once.
type MM struct {
	// mmap guards the list of VMAs. Faults hold it for reading, who changes
	// VMAs for writing.
	mmap sync.RWMutex
	vmas kmem.Ref[VMA] // by address

	// ptl, the page table lock, guards the tables and rss.
	ptl kmem.Lock
	rss int                        // pages mapped
	dir [tableSize]kmem.Ref[table] // by the upper part of the address
}

func (mm *MM) construct() { *mm = MM{} }

// NewMM makes an empty address space, or returns [ErrNoMemory].
func (t *Task) NewMM() (*MM, error) {
	if mm := t.mms.alloc(); mm != nil {
		return mm, nil
	}
	return nil, ErrNoMemory
}

// Exit ends an address space: no other task may be in it. Its pages go when
// nobody else maps them, and its VMAs leave their anon_vmas. It takes all locks
// from mmap down; it does not wait for grace periods.
func (t *Task) Exit(mm *MM) {
	h := t.m.heap
	mm.mmap.Lock()
	t.zap(mm, 0, AddressPages)
	t.freeTables(mm)
	for v := mm.vmas.Ptr(h); v != nil; v = mm.vmas.Ptr(h) {
		mm.remove(h, nil)
		t.leaveAnon(v)
		t.freeVMA(v)
	}
	mm.mmap.Unlock()
	t.mms.free(mm)
}

// checkRange panics when the caller asks for what no address space has.
func checkRange(op string, start, n uint64) {
	if n == 0 || start >= AddressPages || n > AddressPages-start {
		panic(fmt.Sprintf("rmap: %s of %d pages from page %d; legal are ranges inside 0 to %d", op, n, start, AddressPages))
	}
}

// Mmap makes n pages from page start on usable, anonymous memory that reads as
// zero. The new range merges with its neighbours where it can. It fails with
// [ErrExists] when a part of the range is in use, and with [ErrNoMemory]. It
// panics over a range that no address space has.
func (t *Task) Mmap(mm *MM, start, n uint64, flags VMFlags) error {
	checkRange("Mmap", start, n)
	h := t.m.heap
	mm.mmap.Lock()
	defer mm.mmap.Unlock()
	prev := mm.before(h, start+n)
	if prev != nil && prev.end > start {
		return fmt.Errorf("rmap: Mmap of %d pages from page %d: %w", n, start, ErrExists)
	}
	v := t.vmas.alloc()
	if v == nil {
		return ErrNoMemory
	}
	v.mm, v.flags = kmem.RefOf(h, mm), flags
	v.start, v.end, v.pgoff = start, start+n, start
	mm.insert(h, prev, v)
	t.mergeNext(mm, v)
	if prev != nil {
		t.mergeNext(mm, prev)
	}
	return nil
}

// Munmap takes n pages from page start on away, mapped or not, splitting VMAs
// that reach out of the range. It fails with [ErrNoMemory] when a split needs
// memory, and has then changed nothing that a process can tell. It panics like
// Mmap.
func (t *Task) Munmap(mm *MM, start, n uint64) error {
	checkRange("Munmap", start, n)
	h := t.m.heap
	mm.mmap.Lock()
	defer mm.mmap.Unlock()
	if err := t.splitAt(mm, start); err != nil {
		return err
	}
	if err := t.splitAt(mm, start+n); err != nil {
		return err
	}
	t.zap(mm, start, start+n)
	prev := mm.before(h, start)
	for v := mm.place(prev).Ptr(h); v != nil && v.start < start+n; v = mm.place(prev).Ptr(h) {
		mm.remove(h, prev)
		t.leaveAnon(v)
		t.freeVMA(v)
	}
	return nil
}

// Mprotect changes the protection of the VMAs in a range, splitting those that
// reach out of it and merging those that become equal. Entries that allow stores
// keep allowing them until they are made again: only the VMA is asked. It fails
// and panics like Munmap.
func (t *Task) Mprotect(mm *MM, start, n uint64, flags VMFlags) error {
	checkRange("Mprotect", start, n)
	h := t.m.heap
	mm.mmap.Lock()
	defer mm.mmap.Unlock()
	if err := t.splitAt(mm, start); err != nil {
		return err
	}
	if err := t.splitAt(mm, start+n); err != nil {
		return err
	}
	prev := mm.before(h, start)
	for v := mm.place(prev).Ptr(h); v != nil && v.start < start+n; v = v.next.Ptr(h) {
		t.setFlags(v, flags)
	}
	if prev == nil {
		prev = mm.vmas.Ptr(h)
	}
	for v := prev; v != nil && v.start < start+n; {
		if !t.mergeNext(mm, v) {
			v = v.next.Ptr(h)
		}
	}
	return nil
}

// Pages returns the number of pages that the address space has in memory. Any goroutine
// may call it; it takes the lock of the page table.
func (mm *MM) Pages() int {
	mm.ptl.Lock()
	defer mm.ptl.Unlock()
	return mm.rss
}
