// The race in slow motion, for newcomers: every step by hand, with the flag and
// without it.

package rmap

import (
	"fmt"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// account is what somebody else keeps on the same heap. Its balance is a round
// number.
type account struct{ balance uint64 }

const balance = 7_000_000 << 32

// Example walks through the race that the flag closes. A scanner reads the
// mapping of a page; before it takes the lock to which that leads, the last
// process exits, the anon_vma is freed, its slab is emptied, and somebody else
// allocates.
func Example() {
	smp.Run(1, func(cpu *smp.CPU) { // all on one CPU, which finds first what it has freed
		fmt.Println("flags=none")
		raceStepByStep(cpu, 0)
		fmt.Println("flags=destroy_by_rcu")
		raceStepByStep(cpu, kmem.DestroyByRCU)
	})

	// Output:
	// flags=none
	//  1 a process writes to a page: mapped by 1, and its mapping leads to an anon_vma with a VMA
	//  2 the scanner enters its section and reads the mapping
	//  3 the process exits: mapped by 0; the anon_vma is free
	//  4 its slab is empty and is destroyed: 0 bytes in limbo
	//  5 somebody opens accounts: one lies where the anon_vma was
	//  6 the scanner takes the lock at that address
	//     the balance of that account is off by 1
	//  7 the scanner finds that nobody maps the page, unlocks, and leaves its section
	// flags=destroy_by_rcu
	//  1 a process writes to a page: mapped by 1, and its mapping leads to an anon_vma with a VMA
	//  2 the scanner enters its section and reads the mapping
	//  3 the process exits: mapped by 0; the anon_vma is free
	//  4 its slab is empty and is destroyed: 16384 bytes in limbo
	//  5 somebody opens accounts: none lies where the anon_vma was
	//  6 the scanner takes the lock at that address
	//     it is the lock of a free anon_vma
	//  7 the scanner finds that nobody maps the page, unlocks, and leaves its section
	//  8 a grace period later 0 bytes are in limbo
	//     somebody opens accounts: one lies where the anon_vma was
}

func raceStepByStep(cpu *smp.CPU, flags kmem.Flags) {
	domain, err := urcu.New(urcu.Options{Name: "example"})
	check(err)
	heap, err := kmem.NewHeap(kmem.HeapOptions{Name: "example", Reserve: 16 << 20, Domain: domain})
	check(err)
	m, err := New(Options{Heap: heap, Frames: 4, Flags: flags})
	check(err)
	accounts, err := kmem.Of(heap, "account", kmem.TypedOptions[account]{})
	check(err)
	process, scanner := m.NewTask(cpu, "process"), m.NewTask(cpu, "scanner")

	mm, err := process.NewMM()
	check(err)
	check(process.Mmap(mm, 0, 1, Read|Write))
	check(process.Store(mm, 0, 42))
	page := m.Frame(m.Frames() - 1) // the first frame that is handed out
	fmt.Printf(" 1 a process writes to a page: mapped by %d, and its mapping leads to an anon_vma with a VMA\n", page.mapCount())

	// The scanner takes the steps of LockAnonVMA. Here it is preempted after R3.
	fmt.Println(" 2 the scanner enters its section and reads the mapping")
	scanner.enter()
	av := page.loadMapping().anonVMA(heap)

	process.Exit(mm)
	fmt.Printf(" 3 the process exits: mapped by %d; the anon_vma is free\n", page.mapCount())

	m.AnonVMAs().Cache().On(cpu).Flush()
	m.AnonVMAs().Cache().Shrink()
	fmt.Printf(" 4 its slab is empty and is destroyed: %d bytes in limbo\n", heap.Stats().Limbo)

	opened := openAccounts(accounts.On(cpu))
	victim := at(opened, heap, av)
	fmt.Println(" 5 somebody opens accounts:", found(victim))

	fmt.Println(" 6 the scanner takes the lock at that address")
	av.lock.Lock() // R4
	if victim != nil {
		fmt.Println("    the balance of that account is off by", victim.balance-balance)
	} else if av.genuine() && av.head.IsNil() {
		fmt.Println("    it is the lock of a free anon_vma")
	}
	if !page.Mapped() { // R5
		av.lock.Unlock()
	}
	scanner.exit() // R7
	fmt.Println(" 7 the scanner finds that nobody maps the page, unlocks, and leaves its section")

	if flags&kmem.DestroyByRCU != 0 {
		domain.Barrier()
		fmt.Printf(" 8 a grace period later %d bytes are in limbo\n", heap.Stats().Limbo)
		opened = append(opened, openAccounts(accounts.On(cpu))...)
		fmt.Println("    somebody opens accounts:", found(at(opened, heap, av)))
	}

	for _, a := range opened {
		accounts.Free(a)
	}
	process.Close()
	scanner.Close()
	check(m.Close())
	check(accounts.Cache().Destroy())
	check(heap.Close())
	check(domain.Close())
}

// openAccounts allocates enough of them to fill any page that is free.
func openAccounts(c *kmem.TypedLocal[account]) (opened []*account) {
	for range 20_000 {
		a := c.Alloc()
		a.balance = balance
		opened = append(opened, a)
	}
	return opened
}

// at returns the account at the address of an anon_vma, or nil.
func at(opened []*account, h *kmem.Heap, av *AnonVMA) *account {
	for _, a := range opened {
		if kmem.RefOf(h, a).String() == kmem.RefOf(h, av).String() {
			return a
		}
	}
	return nil
}

func found(a *account) string {
	if a == nil {
		return "none lies where the anon_vma was"
	}
	return "one lies where the anon_vma was"
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
