// A task: who does something on the machine, with its CPU's handles and its
// reader. Every walk of doc.go starts at a task.

package rmap

import (
	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// Task is the hand of one goroutine on a machine: the CPU that it runs on, that
// CPU's handles in the caches, and a registered reader. It may work in any
// address space. All its methods, and those of others that take a task, are for
// the goroutine that made it.
type Task struct {
	// Constant.
	m      *Machine
	memb   *urcu.MembReader // the reader when its flavour is Memb; else nil
	reader urcu.Reader
	anon   pool[AnonVMA]
	vmas   pool[VMA]
	mms    pool[MM]
	tables pool[table]

	inside bool // in a section that outlives the call: it holds an anon_vma
	counts Counts
	batch  [scanBatch]*Page // of the scanner
}

// Counts are the events of a task since it was made.
type Counts struct {
	Lookups   uint64 // anon_vmas approached from a page
	Locked    uint64 // of them locked
	Stale     uint64 // of them found changed once the lock was taken, and let go
	Walks     uint64 // lists of VMAs walked
	VMAs      uint64 // VMAs looked at on the way
	Faults    uint64 // pages made, copied, or brought back from swap
	Copies    uint64 // of them copied
	SwapIns   uint64 // of them brought back
	Scanned   uint64 // pages that the scanner looked at
	Unmapped  uint64 // pages taken away from all who mapped them
	Reclaimed uint64 // frames that the scanner freed
}

// NewTask makes a task for the calling goroutine. cpu is the emulated CPU that
// the goroutine is, or nil for a plain one. The name is the reader's, for
// reports; a goroutine that makes several tasks must name them differently.
// With a domain of the QSBR flavour the task must call Rest often.
func (m *Machine) NewTask(cpu *smp.CPU, name string) *Task {
	t := &Task{
		m:      m,
		reader: m.heap.Domain().Register(name),
		anon:   poolOf(m.anon, cpu),
		vmas:   poolOf(m.vmas, cpu),
		mms:    poolOf(m.mms, cpu),
		tables: poolOf(m.tables, cpu),
	}
	t.memb, _ = t.reader.(*urcu.MembReader)
	return t
}

// Close ends the task. When a panic has left it in a section, it leaves that.
func (t *Task) Close() {
	if t.inside {
		t.exit()
	}
	t.reader.Unregister()
}

// Rest says that the task holds nothing: it lets the domain run ripe callbacks.
// Call it now and then between operations.
func (t *Task) Rest() { t.reader.QuiescentState() }

// Counts returns what the task has done so far.
func (t *Task) Counts() Counts { return t.counts }

// enter opens a read-side section; the usual flavour needs no call by interface.
func (t *Task) enter() {
	t.inside = true
	if t.memb != nil {
		t.memb.Lock()
		return
	}
	t.reader.Lock()
}

// exit closes the section.
func (t *Task) exit() {
	t.inside = false
	if t.memb != nil {
		t.memb.Unlock()
		return
	}
	t.reader.Unlock()
}

// pool is a typed cache as a task sees it: by its CPU's handle if it has one.
type pool[T any] struct {
	local *kmem.TypedLocal[T] // nil without a CPU
	cache *kmem.Typed[T]
}

func poolOf[T any](c *kmem.Typed[T], cpu *smp.CPU) pool[T] {
	p := pool[T]{cache: c}
	if cpu != nil {
		p.local = c.On(cpu)
	}
	return p
}

// alloc returns nil when the heap has no memory.
func (p *pool[T]) alloc() *T {
	if p.local != nil {
		return p.local.Alloc()
	}
	return p.cache.Alloc()
}

func (p *pool[T]) free(obj *T) {
	if p.local != nil {
		p.local.Free(obj)
		return
	}
	p.cache.Free(obj)
}
