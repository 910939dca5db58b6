// The oblique step, held still at the moments that matter.

package rmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

// onePage is an address space whose one page has an anon_vma of its own.
type onePage struct {
	mm *MM
	v  *VMA
	av *AnonVMA
	p  *Page
}

func newOnePage(t *testing.T, task *Task) onePage {
	t.Helper()
	mm, err := task.NewMM()
	must(t, err)
	must(t, task.Mmap(mm, 7, 1, Read|Write))
	must(t, task.Store(mm, 7, 1))
	h := task.m.heap
	o := onePage{mm: mm, v: mm.vmas.Ptr(h)}
	o.av = o.v.anon.Load().Ptr(h)
	mm.ptl.Lock()
	o.p = task.m.frame(*mm.pte(h, 7))
	mm.ptl.Unlock()
	return o
}

// letGo takes the page and the VMA off their anon_vma, whose lock is held.
func (o onePage) letGo(t *testing.T, task *Task) {
	t.Helper()
	task.zap(o.mm, 0, AddressPages)
	if !task.m.unlink(o.av, o.v) {
		t.Error("the only VMA left, and the anon_vma is still needed")
	}
}

// TestCloseAgain: a machine that has an address space still is as it was.
func TestCloseAgain(t *testing.T) {
	m := newTestMachine(t, Options{})
	task := m.NewTask(nil, "again")
	mm, err := task.NewMM()
	must(t, err)
	var busy *kmem.BusyError
	if err := m.Close(); !errors.As(err, &busy) {
		t.Fatalf("Close with an address space: %v", err)
	}
	must(t, task.Mmap(mm, 7, 1, Read|Write))
	must(t, task.Store(mm, 7, 1))
	task.Exit(mm)
	task.Close()
}

// TestRefCountOutlivesUnlock: a reader that gives up its count while the owner has the
// anon_vma locked does not free it.
func TestRefCountOutlivesUnlock(t *testing.T) {
	m := newTestMachine(t, Options{Impl: RefCount})
	task, reader := m.NewTask(nil, "owner"), m.NewTask(nil, "reader")
	o := newOnePage(t, task)
	if reader.Approach(o.p) != o.av {
		t.Fatal("the page's anon_vma is another")
	}
	task.zap(o.mm, 0, AddressPages)
	o.av.lock.Unlock() // Leave, the first half
	m.road.lock(o.av)
	last := m.unlink(o.av, o.v)
	if o.av.refs.Put() { // the other half
		t.Fatal("freed under its owner's lock")
	}
	m.road.unlock(o.av)
	if !m.road.drop(o.av) && !last {
		t.Fatal("nobody has it, and it is counted")
	}
	task.anon.free(o.av)
	task.Exit(o.mm)
	task.Close()
	reader.Close()
}

// reader is another goroutine that locks the anon_vma of a page, and lets go when
// told.
type reader struct {
	got  chan *AnonVMA
	let  chan struct{}
	done chan struct{}
}

func startReader(m *Machine, p *Page) *reader {
	r := &reader{make(chan *AnonVMA), make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(r.done)
		task := m.NewTask(nil, "reader")
		defer task.Close()
		av := p.LockAnonVMA(task)
		r.got <- av
		<-r.let
		if av != nil {
			av.Unlock(task)
		}
	}()
	return r
}

func (r *reader) finish() {
	close(r.let)
	<-r.done
}

// awaitWaiter returns when some goroutine waits for a kmem.Lock.
func awaitWaiter(t *testing.T) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for range 10000 {
		if bytes.Contains(buf[:runtime.Stack(buf, true)], []byte("(*Lock).lockSlow")) {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
	t.Fatal("the reader does not come to wait for the lock")
}

// passes reports whether a grace period ends while things are as they are.
func passes(m *Machine) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	return !errors.Is(m.heap.Domain().SynchronizeContext(ctx), context.DeadlineExceeded)
}

// TestSectionCoversWait: from before the mapping is read until the lock is
// released no grace period passes, also while the reader waits for the lock.
func TestSectionCoversWait(t *testing.T) {
	m := newTestMachine(t, Options{})
	task := newTestTask(t, m)
	o := newOnePage(t, task)
	m.road.lock(o.av)
	r := startReader(m, o.p)
	awaitWaiter(t)
	if passes(m) {
		t.Error("oracle section: a grace period passed while a reader waited for the lock of an anon_vma")
	}
	m.road.unlock(o.av)
	if got := <-r.got; got != o.av {
		t.Fatalf("locked %p, want %p", got, o.av)
	}
	if passes(m) {
		t.Error("oracle section: a grace period passed while a reader held the lock of an anon_vma")
	}
	r.finish()
	if !passes(m) {
		t.Error("no grace period passes when all is over")
	}
	task.Exit(o.mm)
}

// TestRecheck: an anon_vma that was let go while the reader waited for its lock is
// not returned.
func TestRecheck(t *testing.T) {
	m := newTestMachine(t, Options{})
	task := newTestTask(t, m)
	o := newOnePage(t, task)
	m.road.lock(o.av)
	r := startReader(m, o.p)
	awaitWaiter(t)
	o.letGo(t, task)
	m.road.unlock(o.av)
	if got := <-r.got; got != nil {
		t.Errorf("oracle %s: the anon_vma of a page that nobody maps was returned, with an empty list: %v", OracleInUse, got.head.IsNil())
	}
	r.finish()
	task.anon.free(o.av)
	task.Exit(o.mm)
}

// TestRecheckOtherFamily: neither is one whose page serves another family by now.
func TestRecheckOtherFamily(t *testing.T) {
	m := newTestMachine(t, Options{Frames: 1})
	task := newTestTask(t, m)
	o := newOnePage(t, task)
	m.road.lock(o.av)
	r := startReader(m, o.p)
	awaitWaiter(t)
	o.letGo(t, task)
	other := newOnePage(t, task)
	if other.p != o.p || other.av == o.av {
		t.Fatal("want the same frame and another anon_vma")
	}
	m.road.unlock(o.av)
	if got := <-r.got; got == o.av {
		t.Errorf("oracle %s: the anon_vma of a family that had the page before was returned", OracleInUse)
	}
	r.finish()
	task.anon.free(o.av)
	task.Exit(o.mm)
	task.Exit(other.mm)
}

// TestPublicationOrder maps a page again and again whose mapping still leads to
// what was an AnonVMA long ago: a reader must never come there, or the check in
// the lock panics. Between two mappings the reader's lookup under way is waited
// for, as a grace period does that ends the life of an anon_vma.
func TestPublicationOrder(t *testing.T) {
	m := newTestMachine(t, Options{})
	task := newTestTask(t, m)
	o := newOnePage(t, task)
	gone := task.anon.alloc()
	becomeStranger(gone)
	goneMapping, here := uint64(anonMapping(kmem.RefOf(m.heap, gone))), o.p.loadMapping()

	var over atomic.Bool
	var lookups, locked atomic.Uint64
	found := make(chan string, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		reader := m.NewTask(nil, "reader")
		defer reader.Close()
		defer func() {
			what := ""
			if v := recover(); v != nil {
				what = fmt.Sprintf("oracle %s: %v", OracleGenuine, v)
			}
			locked.Store(reader.Counts().Locked)
			found <- what
		}()
		for !over.Load() {
			if av := o.p.LockAnonVMA(reader); av != nil {
				av.Unlock(reader)
			}
			lookups.Add(1)
		}
	})

	rounds := 0
	for stop := time.Now().Add(testTime(time.Second / 2)); len(found) == 0 && time.Now().Before(stop); rounds++ {
		m.road.remove(o.p)
		for seen, spins := lookups.Load(), 0; lookups.Load() < seen+2 && len(found) == 0; spins++ {
			if spins%1000 == 999 {
				runtime.Gosched()
			}
		}
		o.p.mapping.Store(goneMapping)
		for range rounds % 64 {
		}
		m.road.add(o.p, here, 7)
	}
	over.Store(true)
	wg.Wait()
	if what := <-found; what != "" {
		t.Error(what)
	}
	becomeAnonVMA(gone)
	task.anon.free(gone)
	task.Exit(o.mm)
	t.Logf("evidence: the page was mapped %d times under %d lookups, %d of them locked", rounds, lookups.Load(), locked.Load())
}

// TestReferenced: touching is counted once, and by each who touched.
func TestReferenced(t *testing.T) {
	eachRoad(t, func(t *testing.T, impl Impl) {
		m := newTestMachine(t, Options{Impl: impl})
		task := newTestTask(t, m)
		o := newOnePage(t, task)
		child, err := task.Fork(o.mm)
		must(t, err)
		_, err = task.Load(child, 7)
		must(t, err)
		for _, want := range []int{2, 0} {
			if got := o.p.Referenced(task); got != want {
				t.Errorf("referenced %d times, want %d", got, want)
			}
		}
		o.p.set(pageReferenced)
		if got := o.p.Referenced(task); got != 1 {
			t.Errorf("marked as referenced: %d, want 1", got)
		}
		task.Exit(o.mm)
		task.Exit(child)
		if got := o.p.Referenced(task); got != 0 {
			t.Errorf("nobody maps it: referenced %d times", got)
		}
	})
}

// TestTryToUnmap: the three verdicts, and what each needs.
func TestTryToUnmap(t *testing.T) {
	eachRoad(t, func(t *testing.T, impl Impl) {
		m := newTestMachine(t, Options{Impl: impl})
		task := newTestTask(t, m)
		o := newOnePage(t, task)
		child, err := task.Fork(o.mm)
		must(t, err)
		p := o.p
		p.get()
		p.lock.Lock()
		try := func(why string, want Verdict) {
			t.Helper()
			if got := p.TryToUnmap(task); got != want {
				t.Errorf("%s: %v, want %v", why, got, want)
			}
		}
		p.Referenced(task)
		try("no place in swap", Fail)
		if !m.addToSwap(p) {
			t.Fatal("swap is full")
		}
		_, err = task.Load(child, 7)
		must(t, err)
		try("touched", Fail)
		p.get()
		try("a reference that nothing explains", Fail)
		m.put(p)
		must(t, task.Mprotect(child, 7, 1, Read|Write|Locked))
		try("one VMA is locked", Fail)
		must(t, task.Mprotect(child, 7, 1, Read|Write))
		m.road.dup(p)
		p.get()
		try("an entry that no list leads to", Again)
		m.road.remove(p)
		m.put(p)
		try("nobody maps it any more", Success)
		if n := m.swap.users(p); n != 2 {
			t.Errorf("%d entries stand for its place in swap, want 2", n)
		}
		p.lock.Unlock()
		m.putMapped(p)
		for _, mm := range []*MM{o.mm, child} {
			if v, err := task.Load(mm, 7); v != 1 || err != nil {
				t.Errorf("back from swap it reads %d, %v; want 1", v, err)
			}
		}
		must(t, m.Check(o.mm, child))
		task.Exit(o.mm)
		task.Exit(child)
	})
}
