package rcumap_test

import (
	"fmt"
	"log"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/rcumap"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

type flowKey struct {
	src, dst         [4]byte
	srcPort, dstPort uint16
}

type flow struct{ packets, bytes uint64 }

// A table of network flows: values of many words, never torn.
func Example() {
	heap, err := kmem.NewHeap(kmem.HeapOptions{Name: "flows"})
	if err != nil {
		log.Fatal(err)
	}
	flows, err := rcumap.New[flowKey, flow](heap, rcumap.Options{Name: "flows", Capacity: 10_000})
	if err != nil {
		log.Fatal(err)
	}
	key := flowKey{[4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}, 40000, 443}
	packet := func(size uint64) {
		seen := flows.Update(key, func(f *flow) { f.packets++; f.bytes += size })
		if !seen {
			if err := flows.Store(key, flow{1, size}); err != nil {
				log.Fatal(err) // the heap is at its limit
			}
		}
	}
	packet(100)
	packet(1500)
	if f, ok := flows.Load(key); ok { // from any goroutine, without a lock
		fmt.Println(f.packets, "packets,", f.bytes, "bytes")
	}
	flows.Delete(key)
	fmt.Println(flows.Len(), "flows left")
	if err := flows.Close(); err != nil {
		log.Fatal(err)
	}
	if err := heap.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 2 packets, 1600 bytes
	// 0 flows left
}

// An emulated CPU with a reader of its own: its sections cost a nanosecond, its
// nodes come from its own array cache.
func ExampleMap_On() {
	heap, err := kmem.NewHeap(kmem.HeapOptions{Domain: urcu.Default()})
	if err != nil {
		log.Fatal(err)
	}
	squares, err := rcumap.New[uint64, uint64](heap, rcumap.Options{})
	if err != nil {
		log.Fatal(err)
	}
	smp.Run(1, func(cpu *smp.CPU) {
		reader := urcu.Default().Register("squares")
		defer reader.Unregister()
		local := squares.On(cpu, reader)
		for n := range uint64(10) {
			if err := local.Store(n, n*n); err != nil {
				log.Fatal(err)
			}
		}
		fmt.Println(local.Load(7))
	})
	if err := squares.Close(); err != nil {
		log.Fatal(err)
	}
	if err := heap.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: 49 true
}

// Many lookups in one section.
func ExampleMap_LoadInside() {
	heap, err := kmem.NewHeap(kmem.HeapOptions{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := rcumap.New[int, int](heap, rcumap.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for i := range 100 {
		if _, _, err := m.LoadOrStore(i, 2*i); err != nil {
			log.Fatal(err)
		}
	}
	sum := 0
	section := heap.Domain().Enter()
	for i := range 100 {
		v, _ := m.LoadInside(i)
		sum += v
	}
	section.Exit()
	fmt.Println(sum)
	if err := m.Close(); err != nil {
		log.Fatal(err)
	}
	if err := heap.Close(); err != nil {
		log.Fatal(err)
	}
	// Output: 9900
}
