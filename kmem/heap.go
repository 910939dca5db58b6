// A heap: one reservation, its page allocator and the caches on it.

package kmem

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/mmap"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// DefaultReserve is the address space that a heap reserves, in bytes, when it is
// not told. Reserving costs no memory; a few thousand such heaps fit a process.
const DefaultReserve = 64 << 30

// HeapOptions are what a new heap may be told. The zero value is a heap of
// [DefaultReserve] bytes of address space without a limit.
type HeapOptions struct {
	// Name is for people; empty is "heap".
	Name string
	// Reserve is the address space in bytes, 0 for [DefaultReserve]. The heap
	// never outgrows it.
	Reserve uintptr
	// Limit is how many bytes of pages may be resident at once, those in limbo
	// and those that are free but not given back yet included. 0 is seven eighths
	// of what the process's cgroup is limited to, and no limit where it is not;
	// [NoLimit] is none in any case. Metadata, 16 bytes a page, comes on top. At
	// the limit Alloc reaps all caches, asks the shrinkers, and then fails.
	Limit uintptr
	// Domain is whose grace periods DestroyByRCU waits for: the domain of the
	// readers. Nil is [urcu.Default].
	Domain *urcu.Domain
	// Layout is the layout of slabs. The zero value is [LayoutNative].
	Layout Layout
	// HugePages is whether the pages shall be huge.
	HugePages HugePages
	// Reap says how soon the heap gives back what is not used.
	Reap ReapOptions
	// FixedArrays is [CacheOptions].FixedArrays for all caches of the heap.
	FixedArrays bool

	// Debug is how the heap looks for the bugs of its users.
	Debug DebugOptions
	// ProfileRate is how many bytes of objects there are to a sample of the profile
	// that [Heap.Samples] returns, on average; 0 is no profile. 512 KiB is what the
	// runtime takes for its own heap.
	ProfileRate int

	below uintptr // all addresses lie below it; 0 is anywhere: dma.go
}

// Heap is memory that the collector never sees, and the caches on it. Its
// methods are safe for concurrent use.
type Heap struct {
	// Read by every free. All but end are constant.
	base  Pointer
	pages Pointer        // the page descriptors, one per page of the reservation
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
	h := &Heap{name: o.Name, domain: o.Domain, layout: o.Layout.orNative(), debug: o.Debug, byName: map[string]*Cache{}, inner: map[string]*Cache{}}
	h.asked = o
	if h.name == "" {
		h.name = "heap"
	}
	if o.Reserve == 0 {
		o.Reserve = DefaultReserve
	}
	if err := h.layout.Runnable(); err != nil {
		return nil, fmt.Errorf("kmem: NewHeap %q: %w", h.name, err)
	}
	if int(o.HugePages) >= len(hugePagesNames) {
		return nil, fmt.Errorf("kmem: NewHeap %q: %v: legal are system, always, never", h.name, o.HugePages)
	}
	reap, err := o.Reap.filled()
	if err != nil {
		return nil, fmt.Errorf("kmem: NewHeap %q: %w", h.name, err)
	}
	if o.Reserve < 2*chunkPages<<pageShift || o.Reserve>>pageShift > math.MaxUint32 {
		return nil, fmt.Errorf("kmem: NewHeap %q: cannot reserve %d bytes; legal are %d to %d",
			h.name, o.Reserve, 2*chunkPages<<pageShift, uint64(math.MaxUint32)<<pageShift)
	}
	if err := h.reserve(o); err != nil {
		return nil, fmt.Errorf("kmem: NewHeap %q: %w", h.name, err)
	}
	if h.domain == nil {
		h.domain = urcu.Default()
	}
	h.reaper.init(h, reap)
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
		if err = table.Commit(0, chunkPages*pageDescBytes); err != nil { // of the chunk that is never used: zeros
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
func (h *Heap) Contains(p Pointer) bool { return h.holder(p) != nil }

// Caches returns the caches of the heap in the order of their ids, those that the
// heap made for itself included; those with [CacheDMA] come last.
func (h *Heap) Caches() []*Cache {
	list := h.list()
	if dma := h.dma.Load(); dma != nil {
		list = append(list, dma.list()...)
	}
	return list
}

// list returns the caches whose pages are the heap's.
func (h *Heap) list() []*Cache {
	return slices.DeleteFunc(slices.Clone(*h.caches.Load()), func(c *Cache) bool { return c == nil })
}

// add gives a new cache its id and, where its layout wants one, its descriptor
// cache.
func (h *Heap) add(c *Cache) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return fmt.Errorf("%w: heap %q", ErrClosed, h.name)
	}
	return h.addLocked(c)
}

func (h *Heap) addLocked(c *Cache) error {
	if h.byName[c.name] != nil {
		return fmt.Errorf("%w in heap %q", ErrExists, h.name)
	}
	if c.geo.OffSlab {
		descs, err := h.descsOf(c.geo.DescSize)
		if err != nil {
			return err
		}
		c.descs = descs
	}
	if err := h.enlist(c); err != nil {
		return err
	}
	h.byName[c.name] = c
	return nil
}

// descsOf returns the cache of descriptors of a size. The caller holds mu.
func (h *Heap) descsOf(size int) (*Cache, error) {
	return h.innerCache("kmem_slab", size, h.layout.descriptors())
}

// innerCache returns the cache of the heap's own for objects of a kind and size.
// It is laid out with its own descriptors on the slabs, so that there is an end
// to it. The caller holds mu.
func (h *Heap) innerCache(kind string, size int, layout Layout) (*Cache, error) {
	name := fmt.Sprintf("%s-%d", kind, size)
	if d := h.inner[name]; d != nil {
		return d, nil
	}
	geo, err := layout.runGeometry(size, 0, 0)
	if err != nil {
		return nil, err
	}
	if geo.OffSlab {
		return nil, fmt.Errorf("layout %s puts the descriptors of cache %s off their slabs", layout, name)
	}
	d := makeCache(h, name, geo, CacheOptions{})
	d.inner = true
	if err := h.enlist(d); err != nil {
		return nil, err
	}
	h.inner[name] = d
	return d, nil
}

// enlist gives a cache the smallest free id. Readers of the table see the old
// or the new one.
func (h *Heap) enlist(c *Cache) error {
	table := slices.Clone(*h.caches.Load())
	id := 1
	for id < len(table) && table[id] != nil {
		id++
	}
	if id > maxCacheID {
		return fmt.Errorf("heap %q has %d caches, the most there can be", h.name, maxCacheID)
	}
	for len(table) <= id {
		table = append(table, nil)
	}
	c.id = uint32(id)
	for i := range c.slots.s {
		c.slots.s[i].bind(c)
	}
	table[id] = c
	h.caches.Store(&table)
	return nil
}

// remove takes a destroyed cache off the registry.
func (h *Heap) remove(c *Cache) {
	h.mu.Lock()
	table := slices.Clone(*h.caches.Load())
	table[c.id] = nil
	h.caches.Store(&table)
	if h.byName[c.name] == c {
		delete(h.byName, c.name)
	}
	if c.own != nil {
		c.own.Store(nil)
	}
	if h.guards != nil {
		h.guards.forget(c)
	}
	h.mu.Unlock()
	if h.parent != nil {
		h.parent.disown(c)
	}
}

// cacheOf returns the cache with that id, nil if there is none.
func (h *Heap) cacheOf(id uint32) *Cache {
	if table := *h.caches.Load(); int(id) < len(table) {
		return table[id]
	}
	return nil
}

// Close ends the heap. All its caches must have been destroyed before; the first
// that was not is a [*BusyError]. Afterwards every access to the heap's
// addresses faults, and they are never used again. When the system refuses to
// take the memory back, the error says so, the heap can do nothing any more but
// close, and Close may be called again. It panics when the heap is closed
// already.
func (h *Heap) Close() error {
	if err := h.shut(); err != nil {
		return err
	}
	if err := h.retire(); err != nil {
		return fmt.Errorf("kmem: Close of heap %q: %w", h.name, err)
	}
	return nil
}

// shut ends everything that works on the heap. What is done stays done, so it
// can be called again.
func (h *Heap) shut() error {
	h.mu.Lock()
	if h.retired {
		h.mu.Unlock()
		panic(fmt.Sprintf("kmem: Close of heap %q: closed already", h.name))
	}
	for name, c := range h.byName {
		if c.own != nil {
			continue
		}
		h.mu.Unlock()
		return &BusyError{Op: "Close", Name: name, Objects: c.Stats().Active}
	}
	h.mu.Unlock()
	if err := h.destroyOwn(); err != nil {
		return fmt.Errorf("kmem: Close of heap %q: %w", h.name, err)
	}
	if dma := h.dma.Load(); dma != nil {
		if err := dma.Close(); err != nil {
			return err
		}
		h.dma.Store(nil)
	}
	h.mu.Lock()
	first := !h.closed
	h.closed = true
	h.mu.Unlock()
	if first {
		h.cancel()
		h.reaper.end()
		if h.guards != nil {
			h.guards.close()
		}
	}
	for name, d := range h.inner {
		if err := d.Destroy(); err != nil {
			return fmt.Errorf("kmem: Close of heap %q: %w", h.name, err)
		}
		delete(h.inner, name) // nobody else is there
	}
	return nil
}

// retire gives the memory back and spends the addresses.
func (h *Heap) retire() error {
	h.end.Store(0)
	if err := h.buddy.region.Retire(); err != nil {
		return err
	}
	if err := h.buddy.table.Retire(); err != nil {
		return err
	}
	removeHeap(h)
	h.mu.Lock()
	h.retired = true
	h.mu.Unlock()
	return nil
}

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
