package kmem

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// mustPanic checks that f panics with a message that contains want.
func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r == nil {
			t.Errorf("no panic, want %q", want)
		} else if !strings.Contains(fmt.Sprint(r), want) {
			t.Errorf("panic %q, want %q", fmt.Sprint(r), want)
		}
	}()
	f()
}

// TestFreeRefuses is the table of pointers that Free must refuse, from a CPU's
// handle and from any goroutine, and afterwards nothing is lost.
func TestFreeRefuses(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		h := newTestHeap(t, HeapOptions{Layout: layout})
		other := newTestHeap(t, HeapOptions{Name: "other", Layout: layout})
		c := newTestCache(t, h, "c", 64, CacheOptions{Flags: DestroyByRCU})
		sibling := newTestCache(t, h, "sibling", 64, CacheOptions{})
		far := newTestCache(t, other, "far", 64, CacheOptions{})
		q, r := sibling.Alloc(), far.Alloc()
		local := new([64]byte)
		onCPU(func(cpu *smp.CPU) {
			l := c.On(cpu)
			for name, free := range map[string]func(Pointer){"cpu": l.Free, "any": c.Free} {
				p := l.Alloc()
				slabStart := c.heap.at(c.heap.offset(p) &^ (pageSize - 1))
				for _, tt := range []struct {
					p    Pointer
					want string
				}{
					{nil, "nil pointer"},
					{Pointer(local), "foreign pointer"},
					{r, "foreign pointer"},
					{h.base, "the page belongs to no cache"},
					{h.at(h.end.Load()), "foreign pointer"},
					{q, `the object belongs to cache "sibling"`},
					{at(p, 8), "misaligned pointer"},
					{at(slabStart, pageSize-1), "misaligned pointer"},
				} {
					mustPanic(t, fmt.Sprintf("kmem: Free of %p to cache \"c\": %s", tt.p, tt.want), func() { free(tt.p) })
				}
				free(p)
				mustPanic(t, "double free", func() { free(p) })
				_ = name
			}
		})
		sibling.Free(q)
		far.Free(r)
	})
}

// TestDoubleFreeAtFlush: two copies of an object that are freed apart meet on
// the slab. The heap is given up afterwards: what is out cannot be told any more.
func TestDoubleFreeAtFlush(t *testing.T) {
	h, err := NewHeap(HeapOptions{Name: "twice", Reserve: 16 << 20, Reap: ReapOptions{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	c := newTestCache(t, h, "twice", 8000, CacheOptions{}) // no shared array
	onCPU(func(cpu *smp.CPU) {
		l := c.On(cpu)
		var live []Pointer
		for range 64 {
			live = append(live, l.Alloc())
		}
		mustPanic(t, fmt.Sprintf("Free of %p to cache \"twice\": double free", live[0]), func() {
			for _, p := range []Pointer{live[0], live[1], live[2], live[0]} {
				l.Free(p)
			}
			for _, p := range live[3:] {
				l.Free(p)
			}
			l.Flush()
		})
	})
}

func TestLimboFree(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "limbo", 64, CacheOptions{Flags: DestroyByRCU})
	p := c.Alloc()
	c.Free(p)
	section := h.Domain().Enter()
	c.Shrink()
	mustPanic(t, "its slab is in limbo", func() { c.Free(p) })
	section.Exit()
	h.Domain().Barrier()
	mustPanic(t, "the page belongs to no cache", func() { c.Free(p) })
}

func TestCreateRefuses(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	newTestCache(t, h, "taken", 64, CacheOptions{})
	for _, tt := range []struct {
		name string
		size int
		o    CacheOptions
		want string
	}{
		{"", 64, CacheOptions{}, "the name must be non-empty"},
		{"two words", 64, CacheOptions{}, "without spaces"},
		{"taken", 64, CacheOptions{}, `cache exists in heap "heap"`},
		{"zero", 0, CacheOptions{}, "object size 0 is impossible.*to 131072"},
		{"minus", -8, CacheOptions{}, "object size -8 is impossible"},
		{"huge", 1 << 20, CacheOptions{}, "object size 1048576 is impossible"},
		{"align", 64, CacheOptions{Align: 48}, "alignment 48 is impossible.*powers of two"},
		{"align", 64, CacheOptions{Align: 8192}, "alignment 8192 is impossible"},
		{"poison", 64, CacheOptions{Flags: DestroyByRCU | Poison}, "poisoning overwrites"},
		{"bits", 64, CacheOptions{Flags: 1}, "no flag has the bits 0x1"},
	} {
		_, err := h.NewCache(tt.name, tt.size, tt.o)
		if err == nil || !regexp.MustCompile(tt.want).MatchString(err.Error()) {
			t.Errorf("NewCache(%q, %d, %+v): error %v, want %q", tt.name, tt.size, tt.o.Flags, err, tt.want)
		}
	}
	if _, err := h.NewCache("taken", 64, CacheOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("a duplicate name gives %v", err)
	}
	mustPanic(t, "kmem: NewCache \"taken\"", func() { h.NewCache("taken", 64, CacheOptions{Flags: Panic}) })
}

func TestDestroyRefuses(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	c := newTestCache(t, h, "busy", 64, CacheOptions{Flags: DestroyByRCU})
	onCPU(func(cpu *smp.CPU) {
		l := c.On(cpu)
		a, b, far := l.Alloc(), l.Alloc(), c.Alloc()
		l.Free(a) // in a hot slot: not out
		var busy *BusyError
		if err := c.Destroy(); !errors.As(err, &busy) || busy.Objects != 2 {
			t.Fatalf("Destroy: %v, want 2 objects out", err)
		}
		if err := h.Close(); !errors.As(err, &busy) || busy.Name != "busy" {
			t.Fatalf("Close: %v", err)
		}
		p, q := l.Alloc(), c.Alloc() // still usable
		for _, o := range []Pointer{p, q, b, far} {
			c.Free(o)
		}
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
		const gone = `of cache "busy" after Destroy`
		mustPanic(t, "Destroy "+gone, func() { c.Destroy() })
		mustPanic(t, "Shrink "+gone, func() { c.Shrink() })
		mustPanic(t, "Alloc "+gone, func() { c.Alloc() })
		mustPanic(t, "Alloc "+gone, func() { l.Alloc() })
		mustPanic(t, "Free "+gone, func() { c.Free(p) })
		mustPanic(t, "Free "+gone, func() { l.Free(p) })
		mustPanic(t, "On "+gone, func() { c.On(cpu) })
	})
}

// TestDoubleFreeOfGone: the second copy of an object comes home when its slab has gone,
// and another cache has the page: that one is left alone.
func TestDoubleFreeOfGone(t *testing.T) {
	for _, flags := range []Flags{0, DestroyByRCU} {
		t.Run("flags="+flags.String(), func(t *testing.T) {
			h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
			c := newTestCache(t, h, "twice", 64, CacheOptions{Flags: flags})
			other := newTestCache(t, h, "other", 128, CacheOptions{})
			var live []Pointer
			smp.Run(1, func(cpu *smp.CPU) {
				l := c.On(cpu)
				p := c.Alloc()
				l.Free(p) // into a hot slot, where Shrink lets it be
				c.Free(p)
				c.Shrink()
				h.Domain().Barrier()
				live = allocAll(t, other)
				mustPanic(t, "double free", l.Flush)
			})
			freeAll(other, live)
		})
	}
}

// TestGoneHandle: the handle of a CPU that went offline takes nothing and gives nothing.
func TestGoneHandle(t *testing.T) {
	c := newTestCache(t, newTestHeap(t, HeapOptions{}), "gone", 64, CacheOptions{})
	var kept *Local
	var p [4]Pointer
	smp.Run(1, func(cpu *smp.CPU) {
		kept = c.On(cpu)
		for i := range p {
			p[i] = kept.Alloc()
		}
		kept.Free(kept.Alloc()) // by which it knows the heap's end
	})
	const gone = "that CPU is offline"
	for i := range p {
		mustPanic(t, gone, func() { kept.Free(p[i]) })
	}
	mustPanic(t, gone, func() { kept.FreeBulk(p[:]) })
	mustPanic(t, gone, func() { kept.Alloc() })
	c.FreeBulk(p[:])
}

// TestDestroyOrAllocBulk: of a Destroy and a bulk that meet, one fails. Oracle: what
// newTestHeap looks at in the end.
func TestDestroyOrAllocBulk(t *testing.T) {
	h := newTestHeap(t, HeapOptions{})
	destroyed, busy := 0, 0
	for n := range 4000 {
		c := newTestCache(t, h, "raced", 64, CacheOptions{})
		dst := make([]Pointer, 100)
		start, got := make(chan bool), make(chan bool)
		go func() {
			defer func() { got <- recover() == nil }()
			<-start
			_ = c.AllocBulk(dst)
		}()
		close(start)
		for range n % 100 * 400 {
			burnTime()
		}
		err := c.Destroy()
		alive := <-got
		switch {
		case err == nil && alive:
			t.Fatal("destroyed, and objects of it were allocated")
		case err == nil:
			destroyed++
			continue
		case alive:
			busy++
			c.FreeBulk(dst)
		}
		if err := c.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d times Destroy came first, %d times AllocBulk", destroyed, busy)
}

// TestCloseAgainstNewCache: a cache made while Close waits for what the heap's own caches
// have deferred makes it fail; it does not lose its memory.
func TestCloseAgainstNewCache(t *testing.T) {
	d, err := urcu.New(urcu.Options{Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHeap(HeapOptions{Domain: d, Reserve: 1 << 28})
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Malloc(10)
	if err != nil {
		t.Fatal(err)
	}
	s := d.Enter()
	h.FreeDeferred(p)
	closed := make(chan error)
	go func() { closed <- h.Close() }()
	time.Sleep(20 * time.Millisecond)
	c, err := h.NewCache("late", 64, CacheOptions{})
	s.Exit()
	var busy *BusyError
	switch first := <-closed; {
	case err != nil && first == nil: // Close came first
	case err == nil && errors.As(first, &busy):
		c.Free(c.Alloc())
		if err := errors.Join(c.Destroy(), h.Close()); err != nil {
			t.Error(err)
		}
	default:
		t.Errorf("NewCache: %v, Close: %v; want one of them to fail", err, first)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestClosedHeap(t *testing.T) {
	h, err := NewHeap(HeapOptions{Name: "closed", Reserve: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	c := newTestCache(t, h, "c", 64, CacheOptions{})
	c.Free(c.Alloc())
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	mustPanic(t, "closed already", func() { h.Close() })
	if _, err := h.NewCache("late", 64, CacheOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("NewCache on a closed heap: %v", err)
	}
}
