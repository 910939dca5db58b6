// Address spaces against a stupid model: what a process wrote is what it reads.

package rmap

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// shadow is an address space and what must be in it.
type shadow struct {
	mm    *MM
	pages map[uint64]uint64  // by address, all that may be touched; zero is never written
	flags map[uint64]VMFlags // by address
}

// TestAgainstModel does random things on few frames, so that the scanner is at
// work all the time, and compares every page that anybody can read.
func TestAgainstModel(t *testing.T) {
	eachRoad(t, func(t *testing.T, impl Impl) {
		m := newTestMachine(t, Options{Impl: impl, Frames: 24, Swap: 400})
		task := newTestTask(t, m)
		rng := rand.New(rand.NewPCG(1, uint64(impl)))
		var all []*shadow
		for step := range 3000 {
			all = stepModel(t, task, rng, all)
			if step%100 == 0 {
				must(t, m.Check(spaces(all)...))
			}
		}
		for _, s := range all {
			compare(t, task, s)
			task.Exit(s.mm)
		}
		must(t, m.Check())
		c := task.Counts()
		t.Logf("%+v", c)
		if c.Copies == 0 || c.SwapIns == 0 || c.Reclaimed == 0 || c.Walks == 0 {
			t.Error("a path was not taken: want copies, swap-ins, reclaimed pages and walks")
		}
	})
}

func spaces(all []*shadow) (out []*MM) {
	for _, s := range all {
		out = append(out, s.mm)
	}
	return out
}

// modelPages is the part of the address space that the model uses: it crosses
// the border of two tables.
const modelPages = 96

func stepModel(t *testing.T, task *Task, rng *rand.Rand, all []*shadow) []*shadow {
	t.Helper()
	if len(all) == 0 {
		mm, err := task.NewMM()
		must(t, err)
		return append(all, &shadow{mm, map[uint64]uint64{}, map[uint64]VMFlags{}})
	}
	i := rng.IntN(len(all))
	s := all[i]
	start := rng.Uint64N(modelPages)
	n := 1 + rng.Uint64N(min(12, modelPages-start))
	flags := Read | Write
	if rng.IntN(4) == 0 {
		flags |= Exec
	}
	switch op := rng.IntN(100); {
	case op < 40:
		s.store(t, task, start, rng.Uint64())
	case op < 60:
		s.load(t, task, start)
	case op < 75:
		s.mmap(t, task, start, n, flags)
	case op < 80:
		s.munmap(t, task, start, n)
	case op < 85:
		must(t, task.Mprotect(s.mm, start, n, flags))
		for a := start; a < start+n; a++ {
			if _, ok := s.pages[a]; ok {
				s.flags[a] = flags
			}
		}
	case op < 90 && len(all) < 8:
		mm, err := task.Fork(s.mm)
		must(t, err)
		all = append(all, &shadow{mm, maps.Clone(s.pages), maps.Clone(s.flags)})
	case op < 93:
		task.Exit(s.mm)
		all = slices.Delete(all, i, i+1)
	default:
		task.Scan(8)
	}
	return all
}

func (s *shadow) store(t *testing.T, task *Task, addr, v uint64) {
	t.Helper()
	err := task.Store(s.mm, addr, v)
	if _, ok := s.pages[addr]; !ok {
		if !errors.Is(err, ErrFault) {
			t.Fatalf("store to page %d, which is not mapped: %v", addr, err)
		}
		return
	}
	must(t, err)
	s.pages[addr] = v
}

func (s *shadow) load(t *testing.T, task *Task, addr uint64) {
	t.Helper()
	got, err := task.Load(s.mm, addr)
	want, ok := s.pages[addr]
	if ok != (err == nil) || got != want {
		t.Fatalf("page %d reads %#x, %v; want %#x, mapped %v", addr, got, err, want, ok)
	}
}

func (s *shadow) mmap(t *testing.T, task *Task, start, n uint64, flags VMFlags) {
	t.Helper()
	used := false
	for a := start; a < start+n; a++ {
		_, ok := s.pages[a]
		used = used || ok
	}
	if err := task.Mmap(s.mm, start, n, flags); used != errors.Is(err, ErrExists) || !used && err != nil {
		t.Fatalf("Mmap of %d pages from %d, in use %v: %v", n, start, used, err)
	}
	if used {
		return
	}
	for a := start; a < start+n; a++ {
		s.pages[a], s.flags[a] = 0, flags
	}
}

func (s *shadow) munmap(t *testing.T, task *Task, start, n uint64) {
	t.Helper()
	must(t, task.Munmap(s.mm, start, n))
	for a := start; a < start+n; a++ {
		delete(s.pages, a)
		delete(s.flags, a)
	}
}

func compare(t *testing.T, task *Task, s *shadow) {
	t.Helper()
	for addr := range s.pages {
		s.load(t, task, addr)
	}
}

// TestErrors: what a process may not do, and what a caller may not ask for.
func TestErrors(t *testing.T) {
	m := newTestMachine(t, Options{Frames: 4, Swap: 2})
	task := newTestTask(t, m)
	mm, err := task.NewMM()
	must(t, err)
	must(t, task.Mmap(mm, 0, 20, Read))
	if err := task.Store(mm, 3, 1); !errors.Is(err, ErrFault) {
		t.Errorf("store where only loads are allowed: %v", err)
	}
	must(t, task.Mprotect(mm, 0, 20, Read|Write))
	var full error
	for a := uint64(0); a < 20 && full == nil; a++ {
		full = task.Store(mm, a, a)
	}
	if !errors.Is(full, ErrNoMemory) {
		t.Errorf("20 pages in 4 frames and 2 pages of swap: %v", full)
	}
	must(t, m.Check(mm))
	task.Exit(mm)
	for _, f := range []func(){
		func() { task.Mmap(mm, AddressPages, 1, Read) },
		func() { task.Munmap(mm, 0, 0) },
		func() { task.Mprotect(mm, 1, AddressPages, Read) },
	} {
		if v := panicOf(f); v == nil {
			t.Error("a range that no address space has did not panic")
		}
	}
}

func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// TestNewErrors: options that make no machine.
func TestNewErrors(t *testing.T) {
	h, closeHeap := newTestHeap(t)
	defer closeHeap()
	for _, o := range []Options{
		{Frames: 1}, {Heap: h}, {Heap: h, Frames: 1, Swap: -1}, {Heap: h, Frames: 1, Impl: 9},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v): no error", o)
		} else {
			t.Log(err)
		}
	}
}

// TestImplText: names of roads go to text and back.
func TestImplText(t *testing.T) {
	for _, i := range Impls() {
		text, _ := i.MarshalText()
		var back Impl
		if err := back.UnmarshalText(text); err != nil || back != i {
			t.Errorf("%v reads back as %v, %v", i, back, err)
		}
	}
	var i Impl
	if err := i.UnmarshalText([]byte("mutex")); err == nil || fmt.Sprint(Impl(7)) != "Impl(7)" {
		t.Errorf("an unknown name gives %v", err)
	}
}
