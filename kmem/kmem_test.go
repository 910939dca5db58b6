// What the tests of this package share: a heap that ends checked, and the layout
// that it has.

package kmem

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mutant"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
	"go.uber.org/goleak"
)

// testLayout is the layout of heaps whose test does not name one.
var testLayout Layout

func init() {
	flag.TextVar(&testLayout, "layout", LayoutNative, "the layout of slabs where a test does not choose")
}

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

// newTestHeap returns a heap in a domain of its own that is closed, and checked,
// at the end of the test.
func newTestHeap(t testing.TB, o HeapOptions) *Heap {
	t.Helper()
	d := o.Domain
	if d == nil {
		var err error
		if d, err = urcu.New(urcu.Options{Name: t.Name()}); err != nil {
			t.Fatal(err)
		}
		o.Domain = d
	}
	o.Layout = testedLayout(o.Layout)
	if o.Reserve == 0 {
		o.Reserve = 1 << 30
	}
	if o.Reap == (ReapOptions{}) {
		o.Reap.Off = true // most tests count what is where; reap_test.go turns it on
	}
	h, err := NewHeap(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return // objects may be out, and that is not the news
		}
		checkHeap(t, h)
		if err := d.Close(); err != nil {
			t.Errorf("Close of the domain: %v", err)
		}
	})
	return h
}

// checkHeap destroys what is left on a heap and checks that nothing is
// outstanding: the end of every test.
func checkHeap(t testing.TB, h *Heap) {
	t.Helper()
	for _, c := range h.byName {
		if c.own != nil {
			continue
		}
		if err := c.Destroy(); err != nil {
			t.Errorf("at the end: %v", err)
			return
		}
	}
	if err := h.destroyOwn(); err != nil {
		t.Errorf("at the end: %v", err)
	}
	if dma := h.dma.Load(); dma != nil {
		checkEmpty(t, dma)
	}
	checkEmpty(t, h)
	if err := h.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// checkEmpty checks that no page is in use but for descriptors' empty slabs.
func checkEmpty(t testing.TB, h *Heap) {
	t.Helper()
	for _, c := range h.inner {
		c.Shrink()
		c.awaitVictims() // of the reaper, which may have taken some just now
	}
	if s := h.Stats(); s.Live != 0 || s.Limbo != 0 {
		t.Errorf("at the end: %d bytes live, %d in limbo", s.Live, s.Limbo)
	}
	checkBuddy(t, &h.buddy)
}

func newTestCache(t testing.TB, h *Heap, name string, size int, o CacheOptions) *Cache {
	t.Helper()
	c, err := h.NewCache(name, size, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testedLayout is what a test asks for, or what all tests are run with.
func testedLayout(l Layout) Layout {
	if l == (Layout{}) {
		return testLayout
	}
	return l
}

// TestAllInLayout2_6_9 runs all tests in the layout of 2.6.9, in a process of their
// own. Those that loop over layouts, or are about one, do as ever.
func TestAllInLayout2_6_9(t *testing.T) {
	if testing.Short() || testLayout != LayoutNative || os.Getenv(mutant.Env) != "" {
		t.Skip("runs all tests again")
	}
	out, err := exec.Command(os.Args[0], "-layout="+Layout2_6_9.Name, "-test.short", "-test.timeout=5m").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// layouts runs a test once per layout that the runtime can run.
func layouts(t *testing.T, f func(t *testing.T, l Layout)) {
	for _, l := range []Layout{LayoutNative, Layout2_6_9} {
		t.Run("layout="+l.Name, func(t *testing.T) { f(t, l) })
	}
}

// onCPU runs f on one emulated CPU.
func onCPU(f func(cpu *smp.CPU)) { smp.Run(1, f) }
