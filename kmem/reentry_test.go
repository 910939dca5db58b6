package kmem

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

// TestDtorAllocatesAtLimit: a destructor that runs because a heap is at its limit may
// allocate there itself.
func TestDtorAllocatesAtLimit(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	log := newTestCache(t, h, "log", 4096, CacheOptions{})
	large := newTestCache(t, h, "large", 8192, CacheOptions{})
	ran := false
	c := newTestCache(t, h, "dtor", 4096, CacheOptions{Ctor: func(Pointer) {}, Dtor: func(Pointer) {
		ran = true
		if p := log.Alloc(); p != nil {
			log.Free(p)
		}
	}})
	p := c.Alloc()
	live, logged := allocAll(t, large), allocAll(t, log)
	c.Free(p)
	mutant.Ends(t, func() { live = append(live, allocAll(t, large)...) })
	if !ran {
		t.Error("no destructor ran")
	}
	freeAll(large, live)
	freeAll(log, logged)
}

// TestDtorLocksAtLimit: it may want a lock that somebody has who allocates meanwhile.
func TestDtorLocksAtLimit(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	large := newTestCache(t, h, "large", 8192, CacheOptions{})
	var mu sync.Mutex
	inside := make(chan struct{})
	var once sync.Once
	c := newTestCache(t, h, "dtor", 4096, CacheOptions{Ctor: func(Pointer) {}, Dtor: func(Pointer) {
		once.Do(func() { close(inside) })
		mu.Lock()
		defer mu.Unlock()
	}})
	p := c.Alloc()
	live := allocAll(t, large)
	c.Free(p)
	mutant.Ends(t, func() {
		mu.Lock()
		var wg sync.WaitGroup
		wg.Go(func() { allocOne(large) })
		<-inside
		allocOne(large)
		mu.Unlock()
		wg.Wait()
	})
	freeAll(large, live)
}

// allocOne allocates an object and gives it back, if there is one.
func allocOne(c *Cache) {
	if p := c.Alloc(); p != nil {
		c.Free(p)
	}
}

// TestCallbackAllocatesAtLimit: so may a callback of the heap's domain.
func TestCallbackAllocatesAtLimit(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	c := newTestCache(t, h, "c", 4096, CacheOptions{})
	r := newTestCache(t, h, "rcu", 4096, CacheOptions{Flags: DestroyByRCU})
	var ran atomic.Int64
	mutant.Ends(t, func() {
		for range 200 {
			p := r.Alloc()
			live := allocAll(t, c)
			if p != nil {
				r.Free(p)
			}
			for range 3 {
				h.domain.Defer(func() {
					ran.Add(1)
					allocOne(c)
				})
			}
			allocOne(c)
			freeAll(c, live)
		}
	})
	if ran.Load() == 0 {
		t.Error("no callback ran")
	}
}

// TestDeferredAsksNobody: FreeDeferred runs no shrinker, also where there is no memory for a
// block.
func TestDeferredAsksNobody(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20, Layout: Layout2_6_9})
	c := newTestCache(t, h, "c", 4096, CacheOptions{})
	live := allocAll(t, c)
	var small []Pointer // the rest of all slabs
	for size := 2048; size >= 32; size /= 2 {
		for p, err := h.Malloc(size); err == nil; p, err = h.Malloc(size) {
			small = append(small, p)
		}
	}
	cancel := h.RegisterShrinker(func(uintptr) uintptr { panic("shrinker") })
	c.FreeDeferred(live[0])
	cancel()
	freeAll(c, live[1:])
	for _, p := range small {
		h.Free(p)
	}
}

// TestShrinkersMeet: two shrinkers that allocate, each inside of which somebody asks the
// other one.
func TestShrinkersMeet(t *testing.T) {
	h := newTestHeap(t, HeapOptions{Limit: 1 << 20})
	c := newTestCache(t, h, "c", 4096, CacheOptions{})
	live := allocAll(t, c)
	in1, in2 := make(chan struct{}), make(chan struct{})
	var once1, once2 sync.Once
	var second atomic.Bool
	var wg sync.WaitGroup
	cancel1 := h.RegisterShrinker(func(uintptr) uintptr {
		if second.Load() {
			once1.Do(func() { close(in1); <-in2; allocOne(c) })
		}
		return 0
	})
	cancel2 := h.RegisterShrinker(func(uintptr) uintptr {
		once2.Do(func() {
			second.Store(true)
			wg.Go(func() { allocOne(c) })
			<-in1
			close(in2)
			allocOne(c)
		})
		return 0
	})
	mutant.Ends(t, func() { allocOne(c); wg.Wait() })
	cancel1()
	cancel2()
	freeAll(c, live)
}
