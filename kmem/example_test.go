package kmem_test

import (
	"fmt"
	"log"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slabrcu/slabrcu/kmem"
)

type Flow struct {
	Lock kmem.Lock     // set up by the constructor, never again
	Key  atomic.Uint64 // 0 while the flow is free
	Hits uint64        // guarded by Lock
}

// A table of flows whose readers take no lock on the table and no count on the
// objects. This is the example of the README.
func Example() {
	heap, err := kmem.NewHeap(kmem.HeapOptions{Name: "flows"})
	if err != nil {
		log.Fatal(err)
	}
	flows, err := kmem.Of(heap, "flow", kmem.TypedOptions[Flow]{
		Flags: kmem.DestroyByRCU,
		Ctor:  func(f *Flow) { f.Lock = kmem.Lock{}; f.Key.Store(0) },
	})
	if err != nil {
		log.Fatal(err)
	}
	var table [16]atomic.Pointer[Flow]
	const slot, key = 3, 42

	// An updater: fill in under the lock, publish; take back, free. No waiting.
	f := flows.Alloc() // nil: the heap is at its limit
	f.Lock.Lock()      // a stale reader may be inside
	f.Key.Store(key)
	f.Lock.Unlock()
	table[slot].Store(f)

	// A reader, from any goroutine: no lock on the table, no count on the object.
	section := heap.Domain().Enter()
	if f := table[slot].Load(); f != nil {
		f.Lock.Lock()            // safe: the memory is a Flow for as long as the section lasts
		if f.Key.Load() == key { // is it still the one?
			f.Hits++
		}
		f.Lock.Unlock()
	}
	section.Exit()

	table[slot].Store(nil)
	f.Lock.Lock()
	fmt.Println("hits:", f.Hits)
	f.Hits = 0 // an object is freed in its constructed state
	f.Key.Store(0)
	f.Lock.Unlock()
	flows.Free(f)
	if err := flows.Cache().Destroy(); err != nil {
		log.Fatal(err)
	}
	if err := heap.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: hits: 1
}

// TestReadme: the README's example is this one.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(readme), "```go\n")
	block, _, closed := strings.Cut(block, "```")
	if !ok || !closed {
		t.Fatal("the README has no Go example")
	}
	trim := func(s string) string {
		var lines []string
		for line := range strings.Lines(s) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		return "\n" + strings.Join(lines, "\n") + "\n"
	}
	code := trim(string(source))
	for line := range strings.Lines(trim(block)) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(code, "\n"+line+"\n") {
			t.Errorf("the README's line %q is not in the example", line)
		}
	}
}
