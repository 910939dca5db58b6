package kmem

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/smp"
)

// lowMemory skips a test where there are no addresses below 4 GiB.
func lowMemory(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("no addresses below 4 GiB here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCacheDMA: objects of such a cache lie below 4 GiB and are otherwise like any
// others, of the heap that their user made.
func TestCacheDMA(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{CacheDMA, CacheDMA | DestroyByRCU, CacheDMA | RedZone | Poison | StoreUser} {
			h := newTestHeap(t, HeapOptions{Name: "front", Layout: layout})
			plain := newTestCache(t, h, "plain", 64, CacheOptions{})
			c, err := h.NewCache("dma", 200, CacheOptions{Flags: flags})
			lowMemory(t, err)
			if c.Heap() != h {
				t.Errorf("the cache is of heap %q", c.Heap().Name())
			}
			live := make([]Pointer, 500)
			onCPU(func(cpu *smp.CPU) {
				if err := c.On(cpu).AllocBulk(live); err != nil {
					t.Fatal(err)
				}
				for _, p := range live {
					if end := uintptr(p) + 200; end > 1<<32 {
						t.Fatalf("an object ends at %#x", end)
					}
					if h.CacheOf(p) != c || !h.Contains(p) || c.Validate(p) != nil {
						t.Fatalf("the heap does not know %p: %v", p, c.Validate(p))
					}
				}
				for i, p := range live[:100] {
					switch i % 4 {
					case 0:
						c.On(cpu).Free(p)
					case 1:
						c.Free(p)
					case 2:
						h.Free(p)
					default:
						h.FreeDeferred(p)
					}
				}
			})
			if s := h.Stats(); s.Live < 500*200*3/4 {
				t.Errorf("the heap's statistics leave them out: %+v", s)
			}
			p := plain.Alloc()
			mustPanic(t, "foreign pointer", func() { c.Free(p) })
			mustPanic(t, `cache "plain": the object belongs to cache "dma"`, func() { plain.Free(live[100]) })
			plain.Free(p)
			if _, err := h.NewCache("dma", 64, CacheOptions{}); !errors.Is(err, ErrExists) {
				t.Errorf("its name is free: %v", err)
			}
			if _, err := h.NewCache("plain", 64, CacheOptions{Flags: CacheDMA}); !errors.Is(err, ErrExists) {
				t.Errorf("the name of another cache: %v", err)
			}
			var busy *BusyError
			if err := h.Close(); !errors.As(err, &busy) {
				t.Errorf("Close with such a cache: %v", err)
			}
			c.FreeBulk(live[100:])
			if err := c.Destroy(); err != nil {
				t.Fatal(err)
			}
			again := newTestCache(t, h, "dma", 64, CacheOptions{Flags: CacheDMA})
			again.Free(again.Alloc())
		}
	})
}

// TestCacheDMARefused: where the system has no low addresses the error says so,
// and nothing is left behind. A child process takes all of them first.
func TestCacheDMARefused(t *testing.T) {
	if !mmap.HeapBacked {
		if os.Getenv("KMEM_TEST_LOW") == "" {
			cmd := exec.Command(os.Args[0], "-test.run=^TestCacheDMARefused$")
			cmd.Env = append(os.Environ(), "KMEM_TEST_LOW=1")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return
		}
		for {
			if _, err := mmap.ReserveBelow(DMAReserve, dmaLimit); err != nil {
				break
			}
		}
	}
	h := newTestHeap(t, HeapOptions{Name: "front"})
	_, err := h.NewCache("dma", 64, CacheOptions{Flags: CacheDMA})
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), `kmem: NewCache "dma": flag cache_dma: `) {
		t.Errorf("without low addresses: %v", err)
	}
	newTestCache(t, h, "dma", 64, CacheOptions{})
}
