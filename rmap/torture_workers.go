// Who does what in a torture; torture_strangers.go has who gets the pages. See
// torture.go for how they are kept going.

package rmap

import (
	"maps"

	"github.com/slabrcu/slabrcu/kmem"
)

// read looks at pages without a reference, by LockAnonVMA itself.
func (w *torturer) read() {
	for n := 0; w.running(); n++ {
		p := w.m.Frame(w.rng.IntN(w.m.Frames()))
		if av := w.task.Approach(p); av != nil {
			w.inspect(av, n%64 == 0)
			w.task.Leave(av)
		}
		if n%256 == 0 {
			p.Referenced(w.task)
			w.rest()
		}
	}
}

// readSlowly takes the steps of LockAnonVMA one by one, as a reader does that is
// preempted between them.
func (w *torturer) readSlowly() {
	t := w.task
	for n := 0; w.running(); n++ {
		p := w.m.Frame(w.rng.IntN(w.m.Frames()))
		t.enter() // R1
		if p.Mapped() {
			if m := p.loadMapping(); m.isAnon() {
				av := m.anonVMA(w.m.heap)
				w.linger()
				if !av.genuine() {
					w.report(OracleGenuine, "a reader in its section finds mark %#x behind the mapping of a page", av.mark.Load())
				}
				av.lock.Lock() // R4
				w.linger()
				if p.Mapped() && p.loadMapping() == m { // R5
					w.inspect(av, true)
				}
				av.lock.Unlock() // R6
			}
		}
		t.exit() // R7
		if n%16 == 0 {
			w.rest()
		}
	}
}

// inspect looks at an anon_vma that was found from a page, is locked, and was
// rechecked.
func (w *torturer) inspect(av *AnonVMA, slowly bool) {
	if !av.genuine() {
		w.report(OracleGenuine, "the lock obtained from a page is in memory with mark %#x", av.mark.Load())
		return
	}
	if av.head.IsNil() {
		w.report(OracleInUse, "the anon_vma locked from a page has no VMA: it was let go before")
	}
	self := kmem.RefOf(w.m.heap, av)
	for v := range w.task.members(av) {
		if v.anon.Load() != self {
			w.report(OracleMember, "a VMA on the list of an anon_vma belongs to another")
			return
		}
		if slowly {
			w.linger()
		}
	}
}

// rest runs callbacks and makes the worker's counts visible.
func (w *torturer) rest() {
	w.task.Rest()
	w.show()
}

// scan keeps pages going out, whether or not memory is short.
func (w *torturer) scan() {
	for w.running() {
		w.task.Scan(scanBatch)
		w.linger()
		w.rest()
	}
}

// family is an address space and what its process wrote.
type family struct {
	mm    *MM
	wrote map[uint64]uint64
}

// familyPages is how many addresses a family uses.
const familyPages = 40

// raise takes families out of the common places, lets them live for a while, and
// puts them or their children back.
func (w *torturer) raise() {
	for w.running() {
		at := &w.families[w.rng.IntN(len(w.families))]
		f := at.Swap(nil)
		if f == nil {
			if f = w.newFamily(); f == nil {
				w.linger()
				continue
			}
		}
		for range w.rng.IntN(60) {
			w.live(f)
		}
		if w.rng.IntN(3) == 0 {
			f = w.replace(f)
		}
		if f = at.Swap(f); f != nil { // somebody put one there meanwhile
			w.task.Exit(f.mm)
		}
		w.rest()
	}
}

func (w *torturer) newFamily() *family {
	mm, err := w.task.NewMM()
	if err != nil {
		return nil
	}
	f := &family{mm, map[uint64]uint64{}}
	for addr := uint64(0); addr < familyPages; addr += familyPages / 2 {
		if w.task.Mmap(mm, addr, familyPages/2, Read|Write|VMFlags(addr)&Exec) != nil {
			w.task.Exit(mm)
			return nil
		}
	}
	w.made.Add(1)
	return f
}

// live does something in a family's address space. Memory may be short: then the
// family does without.
func (w *torturer) live(f *family) {
	addr := w.rng.Uint64N(familyPages)
	switch n := w.rng.IntN(100); {
	case n < 45:
		v := w.rng.Uint64()
		if w.task.Store(f.mm, addr, v) == nil {
			f.wrote[addr] = v
		}
	case n < 90:
		w.compare(f, addr)
	case n < 95:
		n := 1 + w.rng.Uint64N(min(8, familyPages-addr))
		if w.task.Munmap(f.mm, addr, n) != nil {
			return
		}
		for a := addr; a < addr+n; a++ {
			delete(f.wrote, a)
		}
		for w.task.Mmap(f.mm, addr, n, Read|Write) != nil && w.running() {
			w.linger() // it must be there for the next store
		}
	default:
		// Protection comes and goes: split and merge.
		n := 1 + w.rng.Uint64N(familyPages-addr)
		w.task.Mprotect(f.mm, addr, n, Read|Write|VMFlags(w.rng.IntN(2))*Exec)
	}
}

func (w *torturer) compare(f *family, addr uint64) {
	got, err := w.task.Load(f.mm, addr)
	if err != nil {
		return
	}
	w.compared.Add(1)
	if want := f.wrote[addr]; got != want {
		w.report(OracleContents, "page %d of a process reads %#x, and %#x was written", addr, got, want)
	}
}

// replace forks a family; one of the two lives on. The other one looks at all its
// pages before it goes.
func (w *torturer) replace(f *family) *family {
	mm, err := w.task.Fork(f.mm)
	if err != nil {
		return f
	}
	w.made.Add(1)
	child := &family{mm, maps.Clone(f.wrote)}
	for range w.rng.IntN(20) {
		w.live(child)
		w.live(f)
	}
	if w.rng.IntN(2) == 0 {
		f, child = child, f
	}
	for addr := range uint64(familyPages) {
		w.compare(child, addr)
	}
	w.task.Exit(child.mm)
	return f
}
