// The map operation by operation, with one goroutine.

package rcumap

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/internal/invariant"
	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

func TestOperations(t *testing.T) {
	for _, l := range []kmem.Layout{kmem.LayoutNative, kmem.Layout2_6_9} {
		t.Run("layout="+l.Name, func(t *testing.T) {
			h := newTestHeap(t, kmem.HeapOptions{Layout: l})
			m, err := New[uint64, uint64](h, Options{Name: "ops"})
			if err != nil {
				t.Fatal(err)
			}
			endChecked(t, m)
			testOperations(t, m)
		})
	}
}

func testOperations(t *testing.T, m *Map[uint64, uint64]) {
	if _, ok := m.Load(1); ok || m.Len() != 0 || m.Delete(1) || m.Update(1, func(*uint64) { t.Error("called") }) {
		t.Error("the empty map has something")
	}
	must(t, m.Store(1, 10))
	want(t, m, 1, 10)
	must(t, m.Store(1, 11))
	want(t, m, 1, 11)
	if v, loaded, err := m.LoadOrStore(1, 12); v != 11 || !loaded || err != nil {
		t.Errorf("LoadOrStore of what is there: %d, %v, %v", v, loaded, err)
	}
	if v, loaded, err := m.LoadOrStore(2, 20); v != 20 || loaded || err != nil {
		t.Errorf("LoadOrStore of what is not there: %d, %v, %v", v, loaded, err)
	}
	if !m.Update(2, func(v *uint64) { *v++ }) {
		t.Error("Update did not find 2")
	}
	want(t, m, 2, 21)
	if m.Len() != 2 {
		t.Errorf("Len %d, want 2", m.Len())
	}
	if v, ok := m.LoadAndDelete(2); v != 21 || !ok {
		t.Errorf("LoadAndDelete: %d, %v", v, ok)
	}
	if _, ok := m.Load(2); ok || m.Delete(2) {
		t.Error("2 is still there")
	}
	if !m.Delete(1) || m.Len() != 0 {
		t.Errorf("Delete of the last: Len %d", m.Len())
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want[K, V comparable](t testing.TB, m *Map[K, V], key K, value V) {
	t.Helper()
	if v, ok := m.Load(key); !ok || v != value {
		t.Errorf("Load(%v) is %v, %v; want %v", key, v, ok, value)
	}
}

// TestSizes: keys and values of all sizes around a word, and none.
func TestSizes(t *testing.T) {
	type flow struct {
		src, dst         [16]byte
		srcPort, dstPort uint16
		proto            uint8
	}
	type mixed struct {
		a int8
		b uint32
		c bool
	}
	testSizes[uint8](t, func(i int) uint8 { return uint8(i) })
	testSizes[int32](t, func(i int) int32 { return int32(-i) })
	testSizes[bool](t, func(i int) bool { return i%2 == 0 })
	testSizes(t, func(i int) [3]byte { return [3]byte{byte(i), 1, 2} })
	testSizes(t, func(i int) [9]byte { return [9]byte{8: byte(i)} })
	testSizes(t, func(i int) struct{} { return struct{}{} })
	testSizes(t, func(i int) mixed { return mixed{int8(i), uint32(i), i%2 == 0} })
	testSizes(t, func(i int) flow { return flow{[16]byte{10}, [16]byte{15: byte(i)}, 443, uint16(i), 6} })
	testSizes(t, func(i int) [100]uint64 { return [100]uint64{99: uint64(i)} })
}

func testSizes[T comparable](t *testing.T, make func(i int) T) {
	t.Run(fmt.Sprintf("%T", make(0)), func(t *testing.T) {
		asKey := newTestMap[T, uint16](t, Options{})
		asValue := newTestMap[uint16, T](t, Options{})
		model := map[T]uint16{}
		for i := range 200 {
			k := make(i)
			model[k] = uint16(i)
			must(t, asKey.Store(k, uint16(i)))
			must(t, asValue.Store(uint16(i%10), k))
			want(t, asValue, uint16(i%10), k)
		}
		for k, v := range model {
			want(t, asKey, k, v)
		}
		if got := maps.Collect(asKey.All()); !maps.Equal(got, model) {
			t.Errorf("All: %v, want %v", got, model)
		}
	})
}

// TestGrow: all is found at every size of the table, and Range sees each once.
func TestGrow(t *testing.T) {
	n := uint64(100_000)
	if testing.Short() || mmap.HeapBacked {
		n = 10_000
	}
	m := newTestMap[uint64, [2]uint64](t, Options{Name: "grow"})
	for k := range n {
		must(t, m.Store(k, [2]uint64{k, ^k}))
		if k&(k+1) == 0 || k%(n/10) == 0 {
			for j := range k + 1 {
				want(t, m, j, [2]uint64{j, ^j})
			}
			check(t, m)
		}
	}
	if _, ok := m.Load(n); ok {
		t.Error("found what was never stored")
	}
	if s := m.Stats(); s.Entries != int(n) || s.Buckets < int(n)*19/10 || s.Buckets > int(n)*3 {
		t.Errorf("%d entries in %d buckets", s.Entries, s.Buckets)
	}
	seen := map[uint64]bool{}
	m.Range(func(k uint64, v [2]uint64) bool {
		if seen[k] || v != [2]uint64{k, ^k} {
			t.Errorf("Range: %d with %v, seen before: %v", k, v, seen[k])
		}
		seen[k] = true
		return true
	})
	if len(seen) != int(n) {
		t.Errorf("Range saw %d of %d", len(seen), n)
	}
	for k := range n {
		if k%3 != 0 && !m.Delete(k) {
			t.Fatalf("%d was lost", k)
		}
	}
	check(t, m)
	m.Clear()
	if m.Len() != 0 {
		t.Errorf("%d after Clear", m.Len())
	}
	must(t, m.Store(1, [2]uint64{}))
}

// TestRangeChanges: the function may use the map, and stop.
func TestRangeChanges(t *testing.T) {
	m := newTestMap[uint64, uint64](t, Options{})
	for k := range uint64(1000) {
		must(t, m.Store(k, k))
	}
	calls := 0
	for k := range m.All() {
		calls++
		m.Delete(k)
		must(t, m.Store(k+1_000_000, k))
		if calls == 5000 {
			break
		}
	}
	if m.Len() != 1000 || calls < 1000 {
		t.Errorf("%d calls, %d entries", calls, m.Len())
	}
	calls = 0
	m.Range(func(uint64, uint64) bool { calls++; return false })
	if calls != 1 {
		t.Errorf("%d calls of a function that returns false", calls)
	}
}

func TestCapacity(t *testing.T) {
	m := newTestMap[uint64, uint64](t, Options{Capacity: 10_000})
	before := m.Stats().Buckets
	for k := range uint64(5000) { // with room for the fullest stripe
		must(t, m.Store(k, k))
	}
	if s := m.Stats(); before < 20_000 || s.Buckets != before {
		t.Errorf("%d buckets at first, %d with 5000 entries", before, s.Buckets)
	}
}

func TestNewRefuses(t *testing.T) {
	h := newTestHeap(t, kmem.HeapOptions{Limit: 32 << 20})
	refused(t, "key is a float64", newErr[float64, int](h, Options{}))
	refused(t, "key.B[0] is a complex64", newErr[struct{ B [2]complex64 }, int](h, Options{}))
	refused(t, "holds a Go pointer in key.v (string)", newErr[string, int](h, Options{}))
	refused(t, "holds a Go pointer in value.v.P (*int)", newErr[int, struct{ P *int }](h, Options{}))
	refused(t, "capacity is -1; legal are 0 to", newErr[int, int](h, Options{Capacity: -1}))
	refused(t, "stripes is 3; legal are 0 and the powers of two", newErr[int, int](h, Options{Stripes: 3}))
	refused(t, "the name must be non-empty and without spaces", newErr[int, int](h, Options{Name: "a b"}))
	if err := newErr[int, int](h, Options{Capacity: 100 << 20}); !errors.Is(err, kmem.ErrNoMemory) {
		t.Errorf("buckets that do not fit: %v", err)
	}
	m, err := New[int, int](h, Options{})
	must(t, err)
	if err := newErr[int, int](h, Options{}); !errors.Is(err, kmem.ErrExists) {
		t.Errorf("the same name: %v", err)
	}
	must(t, m.Close())
}

func newErr[K comparable, V any](h *kmem.Heap, o Options) error {
	_, err := New[K, V](h, o)
	return err
}

func refused(t *testing.T, says string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), says) || !strings.HasPrefix(err.Error(), "rcumap: New ") {
		t.Errorf("%v, want an error that says %q", err, says)
	}
}

// TestNoMemory: at the heap's limit insertions fail, and nothing else does.
func TestNoMemory(t *testing.T) {
	h := newTestHeap(t, kmem.HeapOptions{Limit: 2 << 20})
	m, err := New[uint64, [4]uint64](h, Options{Name: "small"})
	must(t, err)
	endChecked(t, m)
	n := uint64(0)
	for err == nil {
		if err = m.Store(n, [4]uint64{n}); err == nil {
			n++
		}
	}
	if !errors.Is(err, kmem.ErrNoMemory) || !strings.Contains(err.Error(), `rcumap: Store in map "small" of`) {
		t.Errorf("at the limit: %v", err)
	}
	if _, _, err := m.LoadOrStore(n, [4]uint64{}); !errors.Is(err, kmem.ErrNoMemory) {
		t.Errorf("LoadOrStore at the limit: %v", err)
	}
	must(t, m.Store(0, [4]uint64{100}))
	want(t, m, 0, [4]uint64{100})
	for k := uint64(1); k < n; k++ {
		want(t, m, k, [4]uint64{k})
	}
	check(t, m)
	m.Delete(7)
	must(t, m.Store(n, [4]uint64{n}))
	t.Logf("%d entries of %d bytes in %d", n, m.any.any.Cache().ObjectSize(), 2<<20)
}

func TestClosed(t *testing.T) {
	m := newTestMap[uint64, uint64](t, Options{Name: "gone"})
	must(t, m.Store(1, 1))
	must(t, m.Close())
	for op, f := range map[string]func(){
		"Load":   func() { m.Load(1) },
		"Store":  func() { m.Store(1, 1) },
		"Delete": func() { m.Delete(1) },
		"Update": func() { m.Update(1, func(*uint64) {}) },
		"Range":  func() { m.Range(func(_, _ uint64) bool { return true }) },
		"Close":  func() { m.Close() },
	} {
		wantPanic(t, fmt.Sprintf(`rcumap: %s of map "gone" after Close`, op), f)
	}
}

func wantPanic(t *testing.T, says string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), says) {
			t.Errorf("panicked with %v, want %q", r, says)
		}
	}()
	f()
}

// TestUpdatePanics: the lock is released and the value stays.
func TestUpdatePanics(t *testing.T) {
	m := newTestMap[uint64, uint64](t, Options{})
	must(t, m.Store(1, 1))
	wantPanic(t, "on purpose", func() {
		m.Update(1, func(v *uint64) { *v = 2; panic("on purpose") })
	})
	want(t, m, 1, 1)
	must(t, m.Store(1, 3))
	want(t, m, 1, 3)
}

// TestLoadInside: many lookups in one section, which stays the caller's.
func TestLoadInside(t *testing.T) {
	m := newTestMap[uint64, uint64](t, Options{})
	for k := range uint64(100) {
		must(t, m.Store(k, k))
	}
	s := m.domain.Enter()
	for k := range uint64(200) {
		if v, ok := m.LoadInside(k); ok != (k < 100) || ok && v != k {
			t.Errorf("LoadInside(%d): %d, %v", k, v, ok)
		}
	}
	// A writer that is in the middle of it: it is waited for, and has finished.
	n, _ := m.seek(7, m.hash(7))
	st := m.lock("test", m.hash(7))
	n.seq.WriteBegin()
	time.AfterFunc(10*time.Millisecond, func() {
		n.value.store(70)
		n.seq.WriteEnd()
		st.mu.Unlock()
	})
	if v, ok := m.LoadInside(7); !ok || v != 70 {
		t.Errorf("LoadInside beside a writer: %d, %v", v, ok)
	}
	s.Exit()
	if got := m.Stats(); got.Spoiled != 1 || got.Locked != 1 {
		t.Errorf("%d spoiled, %d took the lock; want one each", got.Spoiled, got.Locked)
	}
}

// TestHash: only what == looks at counts, and every bit of it does.
func TestHash(t *testing.T) {
	type gap struct {
		a uint8
		b uint32
	}
	type blank struct {
		a uint32
		_ uint32
	}
	_, _ = gap{1, 2}, blank{a: 1}
	for name, c := range map[string]struct{ got, want bool }{
		"uint64":    {newSecret[uint64]().word, true},
		"bool":      {newSecret[bool]().word, true},
		"[4]uint16": {newSecret[[4]uint16]().word, true},
		"pair":      {newSecret[struct{ a, b uint32 }]().word, true},
		"padding":   {newSecret[gap]().word, false},
		"blank":     {newSecret[blank]().word, false},
		"long":      {newSecret[[9]byte]().word, false},
		"nothing":   {newSecret[struct{}]().word, false},
	} {
		if c.got != c.want {
			t.Errorf("%s is a plain word: %v, want %v", name, c.got, c.want)
		}
	}
	// Keys in a row, and keys that differ in the high bits, fill the buckets evenly.
	m := newTestMap[uint64, struct{}](t, Options{})
	for _, shift := range []int{0, 10, 32, 52} {
		var count [256]int
		for k := range uint64(1 << 12) {
			count[m.hash(k<<shift)&255]++
		}
		for b, n := range count {
			if n > 64 { // 16 on average; a fair hash has more than 45 once in ten million buckets
				t.Errorf("shift %d: %d of 4096 keys are in bucket %d of 256", shift, n, b)
			}
		}
	}
}

// TestLocal: a CPU's handle does what the map does, in every flavor.
func TestLocal(t *testing.T) {
	for _, f := range []urcu.Flavor{urcu.QSBR, urcu.Memb, urcu.MB} {
		t.Run(f.String(), func(t *testing.T) {
			d, err := urcu.New(urcu.Options{Name: t.Name(), Flavor: f})
			if errors.Is(err, urcu.ErrNoMembarrier) {
				t.Skip(err)
			}
			must(t, err)
			m, err := New[uint64, uint64](newTestHeap(t, kmem.HeapOptions{Domain: d}), Options{})
			must(t, err)
			endChecked(t, m)
			smp.Run(1, func(cpu *smp.CPU) { testLocal(t, m, cpu) })
		})
	}
}

func testLocal(t *testing.T, m *Map[uint64, uint64], cpu *smp.CPU) {
	wantPanic(t, "the reader is a <nil>", func() { m.On(cpu, nil) })
	reader := m.domain.Register("local")
	defer reader.Unregister()
	l := m.On(cpu, reader)
	for k := range uint64(1000) {
		must(t, l.Store(k, k))
		if v, ok := l.Load(k); !ok || v != k {
			t.Errorf("Load(%d): %d, %v", k, v, ok)
		}
		reader.QuiescentState()
	}
	if _, ok := l.Load(1000); ok {
		t.Error("1000 is there")
	}
	if v, loaded, err := l.LoadOrStore(1, 2); v != 1 || !loaded || err != nil {
		t.Errorf("LoadOrStore: %d, %v, %v", v, loaded, err)
	}
	if !l.Update(1, func(v *uint64) { *v = 5 }) {
		t.Error("Update did not find 1")
	}
	if v, ok := l.LoadAndDelete(1); v != 5 || !ok || l.Delete(1) || !l.Delete(2) {
		t.Errorf("LoadAndDelete: %d, %v", v, ok)
	}
}

// TestNoAllocation: nothing goes to the Go heap, insertions that split included.
func TestNoAllocation(t *testing.T) {
	if mmap.HeapBacked || invariant.Enabled {
		t.Skip("the race detector and assertions allocate")
	}
	type key struct{ a, b uint64 }
	m := newTestMap[key, [5]uint64](t, Options{Capacity: 1 << 12})
	k := uint64(0)
	for name, f := range map[string]func(){
		"Store":       func() { k++; m.Store(key{k, k}, [5]uint64{k}) },
		"Load":        func() { m.Load(key{k, k}) },
		"Update":      func() { m.Update(key{k, k}, func(v *[5]uint64) { v[1]++ }) },
		"LoadOrStore": func() { m.LoadOrStore(key{k % 100, 0}, [5]uint64{}) },
		"Delete":      func() { m.Delete(key{k, k}) },
		"Len":         func() { m.Len() },
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
