// References: nil, there and back, and a list that many push on.

package kmem

import (
	"strings"
	"sync"
	"testing"
)

type listNode struct {
	next  Ref[listNode]
	value uint64
}

func newNodes(t *testing.T, h *Heap) *Typed[listNode] {
	t.Helper()
	c, err := Of(h, "node", TypedOptions[listNode]{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRef(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newNodes(t, h)
	var nothing Ref[listNode]
	if !nothing.IsNil() || nothing.Ptr(h) != nil || RefOf[listNode](h, nil) != nothing || nothing.String() != "nil" {
		t.Errorf("the zero Ref is not nil: %s", nothing)
	}
	p, q := c.Alloc(), c.Alloc()
	r := RefOf(h, p)
	if r.IsNil() || r.Ptr(h) != p || r != RefOf(h, p) || r == RefOf(h, q) {
		t.Errorf("%s does not stand for %p alone", r, p)
	}
	if !strings.HasPrefix(r.String(), "base+0x") {
		t.Errorf("prints as %q", r)
	}
	// A reference to a field is a reference.
	if f := RefOf(h, &p.value); f.Ptr(h) != &p.value {
		t.Errorf("a field: %s", f)
	}
	c.Free(p)
	c.Free(q)

	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), "is not in heap") {
			t.Errorf("RefOf of a Go variable: %v", r)
		}
	}()
	RefOf(h, &listNode{})
}

func TestAtomicRef(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newNodes(t, h)
	p, q := c.Alloc(), c.Alloc()
	a, b := RefOf(h, p), RefOf(h, q)
	var head AtomicRef[listNode]
	if !head.Load().IsNil() {
		t.Error("the zero AtomicRef is not nil")
	}
	head.Store(a)
	if head.CompareAndSwap(b, a) || head.Load() != a {
		t.Error("CompareAndSwap took another reference for the old one")
	}
	if !head.CompareAndSwap(a, b) || head.Load().Ptr(h) != q {
		t.Error("CompareAndSwap did not swap")
	}
	if head.Swap(Ref[listNode]{}) != b || !head.Load().IsNil() {
		t.Error("Swap did not swap")
	}
	c.Free(p)
	c.Free(q)
}

// TestAtomicRefPush: no node is lost that is pushed while others push.
func TestAtomicRefPush(t *testing.T) {
	const pushers, each = 4, 500
	h := newTestHeap(t, HeapOptions{})
	c := newNodes(t, h)
	var head AtomicRef[listNode]
	var wg sync.WaitGroup
	for i := range pushers {
		wg.Go(func() {
			for j := range each {
				n := c.Alloc()
				n.value = uint64(i*each + j)
				for {
					n.next = head.Load()
					if head.CompareAndSwap(n.next, RefOf(h, n)) {
						break
					}
				}
			}
		})
	}
	wg.Wait()
	seen := make([]bool, pushers*each)
	for r := head.Load(); !r.IsNil(); {
		n := r.Ptr(h)
		if seen[n.value] {
			t.Fatalf("node %d is on the list twice", n.value)
		}
		seen[n.value] = true
		r = n.next
		c.Free(n)
	}
	for i, ok := range seen {
		if !ok {
			t.Errorf("node %d was lost", i)
		}
	}
}
