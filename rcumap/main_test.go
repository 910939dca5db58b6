// What the tests of this package share: a map that ends checked.

package rcumap

import (
	"fmt"
	"os"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
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

// testReserve is the address space of a test's heap. The race lane takes it from
// the Go heap, so it is small there.
func testReserve() uintptr {
	if mmap.HeapBacked {
		return 64 << 20
	}
	return 4 << 30
}

// newTestHeap returns a heap in a domain of its own, which end with the test.
func newTestHeap(t testing.TB, o kmem.HeapOptions) *kmem.Heap {
	t.Helper()
	if o.Domain == nil {
		d, err := urcu.New(urcu.Options{Name: t.Name()})
		if err != nil {
			t.Fatal(err)
		}
		o.Domain = d
	}
	if o.Reserve == 0 {
		o.Reserve = testReserve()
	}
	h, err := kmem.NewHeap(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return // what is left over is not the news
		}
		if s := h.Stats(); s.Limbo != 0 {
			t.Errorf("at the end: %d bytes in limbo", s.Limbo)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := o.Domain.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// newTestMap returns a map on a heap of its own that is checked and closed at the
// end of the test, unless the test closed it.
func newTestMap[K comparable, V any](t testing.TB, o Options) *Map[K, V] {
	t.Helper()
	m, err := New[K, V](newTestHeap(t, kmem.HeapOptions{}), o)
	if err != nil {
		t.Fatal(err)
	}
	endChecked(t, m)
	return m
}

func endChecked[K comparable, V any](t testing.TB, m *Map[K, V]) {
	t.Cleanup(func() {
		if t.Failed() || m.table.Load().frontier == 0 {
			return
		}
		check(t, m)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}

// check counts a map again that nobody uses: every chain ends in its own number,
// every node is live and where its key belongs, and the counts are right.
func check[K comparable, V any](t testing.TB, m *Map[K, V]) {
	t.Helper()
	tab := m.table.Load()
	nodes := 0
	for b := range tab.mask + 1 {
		l := tab.head(b)
		if l == 0 {
			if b < m.initial {
				t.Errorf("bucket %d of the first %d is not there", b, m.initial)
			}
			continue
		}
		if b >= tab.frontier {
			t.Errorf("bucket %d is split, the frontier is %d", b, tab.frontier)
		}
		for ; !l.isEnd(); l = link(m.at(l).next.Load()) {
			n := m.at(l)
			nodes++
			if _, live := n.seq.TryRead(); !live {
				t.Errorf("bucket %d: a node that is not live, key %v", b, n.key.load())
			}
			if home, _ := m.locate(m.hash(n.key.load())); home != b {
				t.Errorf("bucket %d: a node of bucket %d, key %v", b, home, n.key.load())
			}
		}
		if l.bucket() != b {
			t.Errorf("bucket %d ends in the number %d", b, l.bucket())
		}
	}
	if nodes != m.Len() {
		t.Errorf("%d nodes, Len says %d", nodes, m.Len())
	}
}
