package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/machinecode"
	"github.com/slabrcu/slabrcu/smp"
)

//go:noinline
func callAlloc(l *Local) Pointer { return l.Alloc() }

//go:noinline
func callTypedAlloc(l *TypedLocal[[4]uint64]) *[4]uint64 { return l.Alloc() }

// TestAllocInlines reads the machine code of two callers of Alloc, which is at the
// limit of what the compiler inlines: they call what it ends with, and not itself.
func TestAllocInlines(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Name: "inline"})
	c, err := Of(h, "inline", TypedOptions[[4]uint64]{})
	if err != nil {
		t.Fatal(err)
	}
	smp.Run(1, func(cpu *smp.CPU) {
		l := c.On(cpu)
		l.Free(callTypedAlloc(l))
		(*Local)(l).Free(callAlloc((*Local)(l)))
	})
	machinecode.Calls(t, map[string]string{
		"kmem.callAlloc":      `^kmem\.\(\*Local\)\.allocArray$`,
		"kmem.callTypedAlloc": `^kmem\.\(\*Local\)\.allocArray$`,
	})
	if err := c.Cache().Destroy(); err != nil {
		t.Error(err)
	}
}
