// What the tests of this package share: a machine that ends checked.

package rmap

import (
	"fmt"
	"os"
	"testing"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// testReserve is the address space of a test's heap: small, as the race lane
// takes it from the Go heap.
const testReserve = 64 << 20

// newTestHeap returns a heap in a domain of its own, and what ends both and says
// what was left.
func newTestHeap(t testing.TB) (*kmem.Heap, func()) {
	t.Helper()
	d, err := urcu.New(urcu.Options{Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	h, err := kmem.NewHeap(kmem.HeapOptions{Name: "rmap", Reserve: testReserve, Domain: d})
	if err != nil {
		t.Fatal(err)
	}
	return h, func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// newTestMachine returns a machine that is closed, and checked, at the end of the
// test.
func newTestMachine(t testing.TB, o Options) *Machine {
	t.Helper()
	h, closeHeap := newTestHeap(t)
	o.Heap = h
	if o.Frames == 0 {
		o.Frames = 64
	}
	if o.Swap == 0 {
		o.Swap = 256
	}
	o.Flags |= kmem.DestroyByRCU
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return // what is left over is not the news
		}
		if err := m.Close(); err != nil {
			t.Error(err) // not Fatal: a panic may be on its way
			return
		}
		closeHeap()
	})
	return m
}

// newTestTask returns a task that ends with the test.
func newTestTask(t testing.TB, m *Machine) *Task {
	t.Helper()
	task := m.NewTask(nil, t.Name())
	t.Cleanup(task.Close)
	return task
}

// eachRoad runs a test on every road.
func eachRoad(t *testing.T, test func(t *testing.T, impl Impl)) {
	for _, impl := range Impls() {
		t.Run(impl.String(), func(t *testing.T) { test(t, impl) })
	}
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
