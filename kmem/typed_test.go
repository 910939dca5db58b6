// Typed caches: which types are refused and why, and that the rest is a Cache.

package kmem

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unique"

	"github.com/slabrcu/slabrcu/smp"
)

type (
	Inner struct {
		N    [3]int32
		Name string
	}
	nested struct {
		A, B  uint64
		Inner [2]Inner
	}
	embedded struct {
		Inner
	}
	session struct {
		lock   Lock
		refs   RefCount
		seq    SeqCount
		mu     sync.Mutex
		hits   [4]atomic.Uint64
		next   AtomicRef[session]
		prev   Ref[session]
		key    [16]byte
		number uintptr
		none   [0]*int
		c      complex128
		ok     bool
	}
)

func TestCheckType(t *testing.T) {
	for _, w := range []struct {
		typ  reflect.Type
		says string // "" is legal
	}{
		{reflect.TypeFor[uint64](), ""},
		{reflect.TypeFor[byte](), ""},
		{reflect.TypeFor[session](), ""},
		{reflect.TypeFor[[8]sync.Mutex](), ""},
		{reflect.TypeFor[sync.RWMutex](), ""},
		{reflect.TypeFor[*int](), "type *int is a Go pointer"},
		{reflect.TypeFor[string](), "type string is a Go pointer"},
		{reflect.TypeFor[[2]string](), "in [0] (string)"},
		{reflect.TypeFor[nested](), "kmem.nested holds a Go pointer in Inner[0].Name (string)"},
		{reflect.TypeFor[embedded](), "in Inner.Name (string)"},
		{reflect.TypeFor[struct{ p Pointer }](), "in p (unsafe.Pointer)"},
		{reflect.TypeFor[struct{ s []int }](), "in s ([]int)"},
		{reflect.TypeFor[struct{ m map[int]int }](), "in m (map[int]int)"},
		{reflect.TypeFor[struct{ c chan int }](), "in c (chan int)"},
		{reflect.TypeFor[struct{ f func() }](), "in f (func())"},
		{reflect.TypeFor[struct{ e error }](), "in e (error)"},
		{reflect.TypeFor[struct{ p atomic.Pointer[int] }](), "in p.v (unsafe.Pointer)"},
		{reflect.TypeFor[struct{ h unique.Handle[string] }](), "in h.value (*string)"},
		{reflect.TypeFor[sync.Cond](), "Go pointer in"},
		{reflect.TypeFor[struct{}](), "has no size"},
		{reflect.TypeFor[[0]*int](), "has no size"},
	} {
		err := checkType(w.typ)
		if w.says == "" && err != nil || w.says != "" && (err == nil || !strings.Contains(err.Error(), w.says)) {
			t.Errorf("%s: %v; want %q", w.typ, err, w.says)
		}
	}
}

func TestOfRefuses(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	if c, err := Of(h, "nested", TypedOptions[nested]{}); err == nil || c != nil ||
		!strings.Contains(err.Error(), `Of "nested"`) || !strings.Contains(err.Error(), "Inner[0].Name") {
		t.Errorf("a type with a pointer: %v, %v", c, err)
	}
	if _, err := Of(h, "large", TypedOptions[[1 << 20]byte]{}); err == nil || !strings.Contains(err.Error(), "1048576") {
		t.Errorf("a type of a MiB: %v", err)
	}
	if _, err := Of(h, "skewed", TypedOptions[session]{Align: 24}); err == nil || !strings.Contains(err.Error(), "24") {
		t.Errorf("an alignment of 24: %v", err)
	}
	func() {
		defer func() {
			if r := recover(); r == nil || !strings.Contains(r.(error).Error(), "Inner[0].Name") {
				t.Errorf("with the flag panic: %v", r)
			}
		}()
		_, _ = Of(h, "nested", TypedOptions[nested]{Flags: Panic})
	}()
	if _, err := Of(h, "twice", TypedOptions[uint64]{}); err != nil {
		t.Fatal(err)
	}
	if _, err := Of(h, "twice", TypedOptions[uint64]{}); !errors.Is(err, ErrExists) {
		t.Errorf("a name in use: %v", err)
	}
}

// TestTyped: objects come constructed and aligned, and go back, by both callers.
func TestTyped(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	var built int
	c, err := Of(h, "session", TypedOptions[session]{
		Align: 64,
		Flags: DestroyByRCU,
		Ctor:  func(s *session) { *s = session{number: 7}; built++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(s *session) {
		t.Helper()
		if s == nil || s.number != 7 || s.lock.Held() || s.refs.Count() != 0 {
			t.Fatalf("object %+v is not as constructed", s)
		}
		if h.offset(Pointer(s))%64 != 0 {
			t.Fatalf("object %p is not aligned to 64", s)
		}
	}
	s := c.Alloc()
	check(s)
	c.Free(s)
	again, err := c.TryAlloc()
	if err != nil || again != s {
		t.Errorf("the object freed last: %p, %v; want %p", again, err, s)
	}
	c.Free(again)
	onCPU(func(cpu *smp.CPU) {
		local := c.On(cpu)
		var all []*session
		for range 1000 {
			s := local.Alloc()
			check(s)
			all = append(all, s)
		}
		for _, s := range all {
			local.Free(s)
		}
	})
	if built < 1000 {
		t.Errorf("%d objects constructed, want at least the 1000 that were out at once", built)
	}
	if c.Cache().Name() != "session" || c.Cache().Geometry().Asked < 100 {
		t.Errorf("cache under it: %s, %s", c.Cache().Name(), c.Cache().Geometry())
	}
}

func BenchmarkTypedPairCPU(b *testing.B) {
	h := newTestHeap(b, HeapOptions{})
	c, err := Of(h, "bench", TypedOptions[[8]uint64]{})
	if err != nil {
		b.Fatal(err)
	}
	onCPU(func(cpu *smp.CPU) {
		local := c.On(cpu)
		b.ResetTimer()
		for range b.N {
			p := local.Alloc()
			p[0] = 1
			local.Free(p)
		}
		b.StopTimer()
	})
}
