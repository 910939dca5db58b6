// modernc.org/memory: one allocator for each worker, or one behind a mutex.

package peers

import (
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/memory"
)

// modernc is an allocator that one worker owns.
type modernc[T object] struct{ a memory.Allocator }

func (m *modernc[T]) alloc(word uint64) *T {
	p := modernMalloc[T](&m.a)
	(*p)[0] = word
	return p
}

func (m *modernc[T]) free(p *T) { modernFree(&m.a, p) }

func (m *modernc[T]) pair(n int) {
	for i := range n {
		m.free(m.alloc(uint64(i)))
	}
}

func (m *modernc[T]) pairOfTwo(n int) {
	for i := 0; i < n; i += 2 {
		p, q := m.alloc(uint64(i)), m.alloc(uint64(i))
		m.free(p)
		m.free(q)
	}
}

// moderncMutex is one allocator for all workers.
type moderncMutex[T object] struct {
	mu sync.Mutex
	a  memory.Allocator // guarded by mu
}

func (m *moderncMutex[T]) alloc(word uint64) *T {
	m.mu.Lock()
	p := modernMalloc[T](&m.a)
	m.mu.Unlock()
	(*p)[0] = word
	return p
}

func (m *moderncMutex[T]) free(p *T) {
	m.mu.Lock()
	modernFree(&m.a, p)
	m.mu.Unlock()
}

func (m *moderncMutex[T]) pair(n int) {
	for i := range n {
		m.free(m.alloc(uint64(i)))
	}
}

func (m *moderncMutex[T]) pairOfTwo(n int) {
	for i := 0; i < n; i += 2 {
		p, q := m.alloc(uint64(i)), m.alloc(uint64(i))
		m.free(p)
		m.free(q)
	}
}

func modernMalloc[T object](a *memory.Allocator) *T {
	p, err := a.UnsafeMalloc(int(unsafe.Sizeof(*new(T))))
	if err != nil {
		panic(fmt.Sprintf("peers: modernc.org/memory: Malloc: %v", err))
	}
	return (*T)(p)
}

func modernFree[T object](a *memory.Allocator, p *T) {
	if err := a.UnsafeFree(unsafe.Pointer(p)); err != nil {
		panic(fmt.Sprintf("peers: modernc.org/memory: Free: %v", err))
	}
}
