// The machine: frames, swap space and the caches of everything else. It is what
// doc.go's walk runs on.

package rmap

import (
	"errors"
	"fmt"
	"math"

	"github.com/slabrcu/slabrcu/kmem"
)

// Options say what a machine is made of.
type Options struct {
	// Heap is where all descriptors and page tables live. Its domain is the one
	// that readers of anon_vmas register with.
	Heap *kmem.Heap
	// Frames is the number of pages of memory, 1 or more.
	Frames int
	// Swap is the number of pages of swap space; with 0 nothing is reclaimed.
	Swap int
	// Flags are the create flags of the cache of anon_vmas. With [SlabRCU]
	// anything but [kmem.DestroyByRCU] is unsafe, which is what tortures show.
	Flags kmem.Flags
	// Impl is how an anon_vma found from a page is held still.
	Impl Impl
}

// Errors of the world. What a process may not do is [ErrFault].
var (
	ErrNoMemory = errors.New("out of memory")
	ErrFault    = errors.New("bad address")
	ErrExists   = errors.New("range is in use")
)

// Machine is physical memory, swap space, and the processes' descriptors. All
// that happens on it is done through a [Task]; its own methods are safe for
// concurrent use where they do not say otherwise.
type Machine struct {
	// Constant.
	heap   *kmem.Heap
	road   road
	frames []*Page // by number
	anon   *kmem.Typed[AnonVMA]
	vmas   *kmem.Typed[VMA]
	mms    *kmem.Typed[MM]
	tables *kmem.Typed[table]
	pages  *kmem.Typed[Page]

	free freeFrames // has its own lock
	lru  lru        // has its own lock
	swap swapSpace  // has its own lock
}

// New makes a machine. The error says which option is wrong, or is the heap's.
func New(o Options) (*Machine, error) {
	if o.Heap == nil || o.Frames < 1 || o.Frames > math.MaxInt32 || o.Swap < 0 || o.Swap >= math.MaxInt32 {
		return nil, fmt.Errorf("rmap: New: heap given %v, %d frames, %d pages of swap; legal are a heap, 1 to %d, and 0 to %d",
			o.Heap != nil, o.Frames, o.Swap, math.MaxInt32, math.MaxInt32-1)
	}
	m := &Machine{heap: o.Heap}
	var err error
	if m.road, err = o.Impl.road(o.Heap); err == nil {
		err = m.makeCaches(o)
	}
	if err == nil {
		err = m.makeFrames(o.Frames)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rmap: New: %w", err), m.destroyCaches())
	}
	m.swap.init(o.Swap)
	return m, nil
}

// makeCaches makes a cache for each kind of descriptor. Only anon_vmas are
// approached obliquely; all others are reached under a lock that keeps them.
func (m *Machine) makeCaches(o Options) (err error) {
	m.anon, err = kmem.Of(m.heap, "anon_vma", kmem.TypedOptions[AnonVMA]{Flags: o.Flags, Ctor: (*AnonVMA).construct})
	if err != nil {
		return err
	}
	if m.vmas, err = kmem.Of(m.heap, "vm_area", kmem.TypedOptions[VMA]{Ctor: (*VMA).construct}); err != nil {
		return err
	}
	if m.mms, err = kmem.Of(m.heap, "mm", kmem.TypedOptions[MM]{Ctor: (*MM).construct}); err != nil {
		return err
	}
	if m.tables, err = kmem.Of(m.heap, "page_table", kmem.TypedOptions[table]{Ctor: (*table).construct}); err != nil {
		return err
	}
	m.pages, err = kmem.Of(m.heap, "page", kmem.TypedOptions[Page]{Ctor: (*Page).construct})
	return err
}

// destroyCaches takes down the caches that there are. That of address spaces comes first:
// while there is one nothing has ended.
func (m *Machine) destroyCaches() error {
	if m.mms != nil {
		if err := m.mms.Cache().Destroy(); err != nil {
			return err
		}
	}
	for _, p := range m.frames {
		m.pages.Free(p)
	}
	m.frames = nil
	for _, c := range m.Caches() {
		if m.mms != nil && c == m.mms.Cache() {
			continue
		}
		if err := c.Destroy(); err != nil {
			return err
		}
	}
	return nil
}

// Heap returns the heap that the machine lives on.
func (m *Machine) Heap() *kmem.Heap { return m.heap }

// AnonVMAs returns the cache of anon_vmas: the one that needs the flag.
func (m *Machine) AnonVMAs() *kmem.Typed[AnonVMA] { return m.anon }

// Caches returns all caches of the machine.
func (m *Machine) Caches() []*kmem.Cache {
	var out []*kmem.Cache
	if m.anon != nil {
		out = append(out, m.anon.Cache())
	}
	if m.vmas != nil {
		out = append(out, m.vmas.Cache())
	}
	if m.mms != nil {
		out = append(out, m.mms.Cache())
	}
	if m.tables != nil {
		out = append(out, m.tables.Cache())
	}
	if m.pages != nil {
		out = append(out, m.pages.Cache())
	}
	return out
}

// Frames returns the number of pages of memory.
func (m *Machine) Frames() int { return len(m.frames) }

// Frame returns the descriptor of frame n, whoever owns it now. It never moves.
func (m *Machine) Frame(n int) *Page { return m.frames[n] }

// Close takes the machine down: every process must have exited and every task
// be closed. It returns an error that tells what is left: frames or swap that
// nobody gave back, or a cache's *kmem.BusyError. As long as there is an address space
// nothing has ended, and Close may be called again. It waits for grace periods.
func (m *Machine) Close() error {
	m.dropSwapCache()
	if free := m.FreeFrames(); free != len(m.frames) {
		return fmt.Errorf("rmap: Close: %d of %d frames are free; %w", free, len(m.frames), m.firstLost())
	}
	if used := m.swap.used(); used != 0 {
		return fmt.Errorf("rmap: Close: %d pages of swap are in use", used)
	}
	if err := m.destroyCaches(); err != nil {
		return fmt.Errorf("rmap: Close: %w", err)
	}
	return nil
}

// firstLost describes the first frame that is not free.
func (m *Machine) firstLost() error {
	for _, p := range m.frames {
		if p.count.Load() != 0 {
			return fmt.Errorf("the first that is not: %v", p)
		}
	}
	return errors.New("all have no references, yet some are not on the list")
}
