//go:build !race

package kmem_test

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/slabrcu/slabrcu/kmem"
)

// Guarded samples make a use after free fault, and the fault can be explained.
func ExampleExplainFault() {
	heap, err := kmem.NewHeap(kmem.HeapOptions{Name: "app", Debug: kmem.DebugOptions{GuardEvery: 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	type conn struct{ requests int64 }
	conns, err := kmem.Of(heap, "conn", kmem.TypedOptions[conn]{})
	if err != nil {
		fmt.Println(err)
		return
	}

	use := func() {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		defer func() {
			if fault, ok := recover().(interface{ Addr() uintptr }); ok {
				first, _, _ := strings.Cut(kmem.ExplainFault(fault.Addr()), "\n")
				fmt.Println(first[strings.Index(first, "in heap"):])
			}
		}()
		c := conns.Alloc()
		conns.Free(c)
		c.requests++
	}
	use()

	fmt.Println(conns.Cache().Destroy(), heap.Close())
	// Output:
	// in heap "app": byte 0 of an object of 8 bytes of cache "conn": use after free
	// <nil> <nil>
}
