package urcu_test

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/urcu"
)

type config struct{ limit int }

// An updater replaces a value while readers use it. The values are Go memory
// here, to keep the example short: for those the collector would do.
func Example() {
	d, err := urcu.New(urcu.Options{Name: "config"})
	if err != nil {
		panic(err)
	}
	defer d.Close()

	var current atomic.Pointer[config]
	current.Store(&config{limit: 1})

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			r := d.Register("") // one per goroutine
			defer r.Unregister()
			for range 1000 {
				r.Lock()
				if c := current.Load(); c.limit < 1 {
					panic("a freed value")
				}
				r.Unlock()
				r.QuiescentState()
			}
		})
	}
	for i := range 100 {
		old := current.Swap(&config{limit: i + 2})
		d.Synchronize()
		old.limit = 0 // nobody can hold it any more
	}
	wg.Wait()
	fmt.Println(current.Load().limit)
	// Output: 101
}

// A goroutine that reads now and then need not register.
func ExampleDomain_Enter() {
	d := urcu.Default()
	var current atomic.Pointer[config]
	current.Store(&config{limit: 7})

	s := d.Enter()
	limit := current.Load().limit
	s.Exit()

	fmt.Println(limit)
	// Output: 7
}

func ExampleDomain_Defer() {
	d, err := urcu.New(urcu.Options{})
	if err != nil {
		panic(err)
	}
	d.Defer(func() { fmt.Println("nobody holds it") })
	d.Close() // waits for all callbacks
	// Output: nobody holds it
}

func ExampleDomain_StartPoll() {
	d := urcu.Default()
	s := d.Enter()
	cookie := d.StartPoll()
	fmt.Println(d.Poll(cookie)) // s is still open
	s.Exit()
	for !d.Poll(cookie) {
	}
	fmt.Println(d.Poll(cookie))
	// Output:
	// false
	// true
}
