// A heap: one reservation, its page allocator and the caches on it. heapoptions.go has
// what it may be told, registry.go its caches, heapclose.go its end.

package kmem

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// Heap is memory that the collector never sees, and the caches on it. Its
// methods are safe for concurrent use.
type Heap struct {
	// Read by every free. All but end are constant.
	base  Pointer
	pages Pointer        // the page descriptors, one per page of the reservation
	slabs Pointer        // their other halves
	end   atomic.Uintptr // bytes from base to the end of the pages in use

	// Constant.
	name        string
	id          uint32 // in the table of heaps
	layout      Layout
	domain      *urcu.Domain
	cancel      func() // of the subscription to CPUs
	debug       DebugOptions
	asked       HeapOptions // as they were given to NewHeap
	parent      *Heap       // of a heap that holds the caches with CacheDMA: dma.go
	guards      *guardPool  // nil when nothing is sampled
	profileRate int         // bytes to a sample; 0: no profile

	// limbo counts pages whose slabs wait for a grace period.
	limbo     atomic.Int64
	limboPeak atomic.Int64

	// mu guards the registry. It is the outermost lock of the package.
	mu      sync.Mutex
	closed  bool // no more caches
	retired bool // no more memory
	byName  map[string]*Cache
	inner   map[string]*Cache        // caches of the heap's own, by name
	caches  atomic.Pointer[[]*Cache] // by id; read without mu

	blocks   atomic.Pointer[Cache] // one of inner: deferred.go; nil until wanted
	generals generals              // general.go
	dma      atomic.Pointer[Heap]  // nil until wanted: dma.go

	buddy     buddy // has its own lock
	reaper    reaper
	pressure  pressure
	shrinkers shrinkers
}

// NewHeap reserves the address space and starts with no page in use. The error
// names what was asked for.
func NewHeap(o HeapOptions) (*Heap, error) {
	asked := o
	o, err := o.filled()
	if err != nil {
		return nil, fmt.Errorf("kmem: NewHeap %q: %w", o.Name, err)
	}
	h := &Heap{name: o.Name, domain: o.Domain, layout: o.Layout, debug: o.Debug, asked: asked, byName: map[string]*Cache{}, inner: map[string]*Cache{}}
	if err := h.reserve(o); err != nil {
		return nil, fmt.Errorf("kmem: NewHeap %q: %w", h.name, err)
	}
	if h.domain == nil {
		h.domain = urcu.Default()
	}
	h.reaper.init(h, o.Reap)
	h.profileRate = o.ProfileRate
	h.caches.Store(new([]*Cache))
	h.generals.init(h.layout)
	h.id = addHeap(h)
	h.cancel = smp.Subscribe(h)
	return h, nil
}

// reserve gets the two regions: pages and their descriptors.
func (h *Heap) reserve(o HeapOptions) error {
	if o.Limit == 0 {
		o.Limit = defaultLimit(systemRoot())
	}
	region, err := reserveRegion(o)
	if err != nil {
		return err
	}
	total := region.Size() >> pageShift
	table, err := mmap.Reserve(total * pageDescBytes)
	if err == nil {
		if err = commitTable(table, 0); err != nil { // of the chunk that is never used: zeros
			table.Retire()
		}
	}
	if err != nil {
		region.Retire() // no page of it was ever used
		return fmt.Errorf("page descriptors: %w", err)
	}
	region.Name("kmem " + h.name)
	table.Name("kmem " + h.name + " pages")
	limit := total
	if o.Limit != 0 {
		limit = min(limit, o.Limit>>pageShift)
	}
	h.base, h.pages = region.Base(), table.Base()
	h.slabs = at(h.pages, table.Size()/2)
	h.buddy = buddy{h: h, region: region, table: table, total: total, limit: limit, huge: o.HugePages.advice()}
	if h.guards, err = newGuardPool(h); err != nil {
		return errors.Join(err, region.Retire(), table.Retire())
	}
	return nil
}

// Name returns the heap's name.
func (h *Heap) Name() string { return h.name }

// Domain returns the domain whose readers the heap's caches wait for.
func (h *Heap) Domain() *urcu.Domain { return h.domain }

// Layout returns the layout of the heap's slabs.
func (h *Heap) Layout() Layout { return h.layout }

// Contains reports whether p lies in the pages that the heap uses. It says
// nothing about whether an object is there.
func (h *Heap) Contains(p Pointer) bool { return h.holder(addr(p)) != nil }

// addLimbo counts pages that enter or leave limbo. When many wait, it helps the
// grace period along: memory in limbo must not grow just because nobody looks.
func (h *Heap) addLimbo(pages int64) {
	n := h.limbo.Add(pages)
	if pages < 0 {
		return
	}
	for peak := h.limboPeak.Load(); n > peak && !h.limboPeak.CompareAndSwap(peak, n); {
		peak = h.limboPeak.Load()
	}
	if n > limboHighPages || n > int64(h.buddy.limit/4) {
		h.domain.Drive()
	}
}

// limboHighPages is the high-water mark of pages in limbo: 16 MiB.
const limboHighPages = 4096
