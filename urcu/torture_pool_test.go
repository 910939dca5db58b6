// The blocks of the torture suite, and how they age.

package urcu

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// pipeLen is how many grace periods a block passes before it is freed. The first
// is the one that counts; the others make a reader that holds on visible.
const pipeLen = 10

const (
	alive    = 0xa11fe
	poisoned = 0xdead
)

// A block is what readers find. It lives in Go memory, held by the pool, so a
// reader that finds a freed one can say so.
type block struct {
	head  Head // first: a callback gets its address
	x     *torture
	state atomic.Uint32 // alive or poisoned
	age   atomic.Int32  // 0: published, 1: unpublished, 1+n: n grace periods later
	mail  atomic.Uint64
	_     [80]byte
}

type pool struct {
	all  [256]block
	mu   sync.Mutex
	free []*block

	made    atomic.Int64
	starved atomic.Int64
	reached [pipeLen + 2]atomic.Int64
}

func (p *pool) fill(x *torture) {
	for i := range p.all {
		b := &p.all[i]
		b.x = x
		b.state.Store(poisoned)
		p.free = append(p.free, b)
	}
}

// take returns a block ready to be published, or nil.
func (p *pool) take() *block {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil
	}
	b := p.free[n-1]
	p.free = p.free[:n-1]
	b.age.Store(0)
	b.state.Store(alive)
	p.made.Add(1)
	return b
}

func (p *pool) put(b *block) {
	b.state.Store(poisoned)
	p.mu.Lock()
	p.free = append(p.free, b)
	p.mu.Unlock()
}

// older makes b one grace period older and reports whether it was freed.
func (x *torture) older(b *block) bool {
	age := b.age.Add(1)
	x.pool.reached[age].Add(1)
	if age == 2 {
		x.deliverMail(b)
	}
	if age <= pipeLen {
		return false
	}
	x.pool.put(b)
	return true
}

// missing is how many blocks are neither published nor free.
func (p *pool) missing(x *torture) int {
	n := len(p.all) - len(x.roots)
	p.mu.Lock()
	defer p.mu.Unlock()
	return n - len(p.free)
}

// publish puts a new block into a root and returns the old one, or nil when all
// blocks are busy ageing.
func (x *torture) publish(root int) *block {
	b := x.pool.take()
	if b == nil {
		x.pool.starved.Add(1)
		runtime.Gosched()
		return nil
	}
	old := x.roots[root].Swap(b)
	old.age.Store(1)
	x.pool.reached[1].Add(1)
	return old
}
