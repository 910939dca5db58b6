// The whole API against a map of what must be true: a tape of bytes is a sequence
// of operations, from rapid or from the fuzzer.

package kmem

import (
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
	"pgregory.net/rapid"
)

// TestOps plays random tapes.
func TestOps(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		rapid.Check(t, func(rt *rapid.T) {
			tape := rapid.SliceOfN(rapid.Byte(), 100, 600).Draw(rt, "tape")
			if err := playOps(layout, tape); err != nil {
				rt.Fatalf("%v\ntape %s", err, hex.EncodeToString(tape))
			}
		})
	})
}

// FuzzOps plays the fuzzer's tapes. The first byte chooses the layout.
func FuzzOps(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte("\x00\x00\x10\x00\x01\x00\x03\x20\x05\x01\x07\x00\x06\x08\x02\x00\x01\x00\x09\x00"))
	f.Add([]byte("\x01\x00\x31\x00\x42\x01\xff\x02\x40\x03\x80\x0a\x00\x04\x10\x0b\x00\x05\x33\x0c\x00\x08\x00\x01\x01"))
	f.Fuzz(func(t *testing.T, tape []byte) {
		if len(tape) == 0 || len(tape) > 4096 {
			return
		}
		layout := []Layout{LayoutNative, Layout2_6_9}[tape[0]&1]
		if err := playOps(layout, tape[1:]); err != nil {
			t.Fatal(err)
		}
	})
}

// player is the heap and the model of it.
type player struct {
	tape []byte
	h    *Heap
	cpu  *smp.CPU

	caches  []*modelCache
	made    int // caches, ever: names
	general map[Pointer]int
	section urcu.Section
	open    bool
	stamp   uint64
}

// modelCache is what must be true of a cache. A live object holds its stamp in
// its first word, and a free one of a cache with a constructor holds ctorWord.
type modelCache struct {
	c        *Cache
	ctor     bool
	live     []Pointer
	stamps   map[Pointer]uint64
	deferred int
}

const ctorWord = 0xC0C0C0C0C0C0C0C0

// playOps plays a tape on a heap of its own and returns what was not as the model
// says.
func playOps(layout Layout, tape []byte) (err error) {
	d, err := urcu.New(urcu.Options{Name: "ops"})
	if err != nil {
		return err
	}
	h, err := NewHeap(HeapOptions{Name: "ops", Reserve: 16 << 20, Limit: 1 << 20, Layout: layout, Domain: d, Reap: ReapOptions{Off: true}})
	if err != nil {
		return err
	}
	smp.Run(1, func(cpu *smp.CPU) {
		p := &player{tape: tape, h: h, cpu: cpu, general: map[Pointer]int{}}
		for err == nil && len(p.tape) > 0 {
			if err = p.step(); err == nil {
				err = p.settled()
			}
		}
		if err == nil {
			err = p.end()
		}
	})
	if err != nil {
		return err
	}
	return errors.Join(h.Close(), d.Close())
}

// next takes a byte off the tape; behind its end there are zeros.
func (p *player) next() int {
	if len(p.tape) == 0 {
		return 0
	}
	b := p.tape[0]
	p.tape = p.tape[1:]
	return int(b)
}

// step plays one operation: a byte for which, and those that it wants.
func (p *player) step() error {
	ops := [...]func(*player) error{
		(*player).newCache,
		(*player).alloc, (*player).alloc, (*player).allocBulk,
		(*player).free, (*player).free, (*player).freeBulk, (*player).freeDeferred,
		(*player).shrink, (*player).destroy,
		(*player).malloc, (*player).mallocFree,
		(*player).toggleSection, (*player).barrier,
		(*player).inspect, (*player).misuse,
	}
	op := p.next()
	return ops[op%len(ops)](p)
}

// pick returns a cache of the model, nil when there is none.
func (p *player) pick() *modelCache {
	if len(p.caches) == 0 {
		return nil
	}
	return p.caches[p.next()%len(p.caches)]
}

func (p *player) newCache() error {
	if len(p.caches) == 6 {
		return nil
	}
	sizes := [...]int{8, 16, 24, 64, 72, 200, 512, 1000, 4096, 9000}
	flags := [...]Flags{0, DestroyByRCU, HWCacheAlign, DestroyByRCU | HWCacheAlign, ReclaimAccount, RedZone | StoreUser, Poison, NoReap}
	b := p.next()
	m := &modelCache{stamps: map[Pointer]uint64{}, ctor: b&0x80 != 0}
	o := CacheOptions{Flags: flags[p.next()%len(flags)]}
	if m.ctor {
		o.Ctor = func(q Pointer) { *(*uint64)(q) = ctorWord }
	}
	p.made++
	c, err := p.h.NewCache(fmt.Sprintf("cache%d", p.made), sizes[b%len(sizes)], o)
	if err != nil {
		return err
	}
	m.c = c
	if _, err := p.h.NewCache(c.Name(), 8, CacheOptions{}); !errors.Is(err, ErrExists) {
		return fmt.Errorf("a second %s: %v", c.Name(), err)
	}
	p.caches = append(p.caches, m)
	return nil
}

// took enters a new object.
func (p *player) took(m *modelCache, q Pointer) error {
	if _, twice := m.stamps[q]; twice {
		return fmt.Errorf("cache %s: %p handed out twice", m.c.Name(), q)
	}
	if v := *(*uint64)(q); m.ctor && v != ctorWord {
		return fmt.Errorf("cache %s: %p holds %#x, want its constructed state", m.c.Name(), q, v)
	}
	p.stamp++
	*(*uint64)(q) = p.stamp
	m.stamps[q] = p.stamp
	m.live = append(m.live, q)
	return nil
}

// give takes an object out of the model, in constructed state.
func (p *player) give(m *modelCache) (Pointer, error) {
	i := p.next() % len(m.live)
	q := m.live[i]
	m.live[i] = m.live[len(m.live)-1]
	m.live = m.live[:len(m.live)-1]
	v, want := *(*uint64)(q), m.stamps[q]
	delete(m.stamps, q)
	if v != want {
		return nil, fmt.Errorf("cache %s: %p holds %d, want %d: somebody else wrote", m.c.Name(), q, v, want)
	}
	if m.ctor {
		*(*uint64)(q) = ctorWord
	}
	return q, nil
}

// by is a handle or the cache itself.
func (p *player) by(m *modelCache) bulker {
	if p.next()&1 == 0 {
		return m.c.On(p.cpu)
	}
	return m.c
}

func (p *player) alloc() error {
	m := p.pick()
	if m == nil {
		return nil
	}
	if q := p.by(m).Alloc(); q != nil {
		return p.took(m, q)
	}
	return p.mayRefuse()
}

// mayRefuse says whether it is right that there is no memory: not with most of
// the limit unused.
func (p *player) mayRefuse() error {
	if s := p.h.Stats(); s.Live+s.Limbo < s.Limit/2 {
		return fmt.Errorf("no memory: %+v", s)
	}
	return nil
}

func (p *player) allocBulk() error {
	m := p.pick()
	if m == nil {
		return nil
	}
	dst := make([]Pointer, p.next())
	if err := p.by(m).AllocBulk(dst); err != nil {
		for _, q := range dst {
			if q != nil {
				return fmt.Errorf("AllocBulk failed and left %p", q)
			}
		}
		if len(dst)*m.c.ObjectSize() > 256<<10 {
			return nil
		}
		return p.mayRefuse()
	}
	for _, q := range dst {
		if err := p.took(m, q); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) free() error {
	m := p.pick()
	if m == nil || len(m.live) == 0 {
		return nil
	}
	q, err := p.give(m)
	if err != nil {
		return err
	}
	if p.next()&3 == 0 {
		p.h.Free(q)
	} else {
		p.by(m).Free(q)
	}
	return nil
}

func (p *player) freeBulk() error {
	m := p.pick()
	if m == nil {
		return nil
	}
	var objs []Pointer
	for n := min(p.next(), len(m.live)); len(objs) < n; {
		q, err := p.give(m)
		if err != nil {
			return err
		}
		objs = append(objs, q)
	}
	p.by(m).FreeBulk(objs)
	return nil
}

func (p *player) freeDeferred() error {
	m := p.pick()
	if m == nil {
		return nil
	}
	for n := min(1+p.next()%100, len(m.live)); n > 0; n-- {
		q, err := p.give(m)
		if err != nil {
			return err
		}
		m.c.FreeDeferred(q)
		m.deferred++
	}
	return nil
}

func (p *player) shrink() error {
	if m := p.pick(); m != nil {
		m.c.Shrink()
		if s := m.c.Stats(); m.deferred == 0 && (s.SlabsFree != 0 || s.Shared != 0) {
			return fmt.Errorf("after Shrink: %+v", s)
		}
	} else {
		p.h.Trim()
	}
	return nil
}

func (p *player) destroy() error {
	m := p.pick()
	if m == nil || p.open {
		return nil // Destroy waits for readers
	}
	err := m.c.Destroy()
	var busy *BusyError
	switch {
	case len(m.live) > 0 && (!errors.As(err, &busy) || busy.Objects != len(m.live)):
		return fmt.Errorf("Destroy with %d objects out: %v", len(m.live), err)
	case len(m.live) == 0 && err != nil:
		return err
	case err == nil:
		for i := range p.caches {
			if p.caches[i] == m {
				p.caches = append(p.caches[:i], p.caches[i+1:]...)
				break
			}
		}
	}
	m.deferred = 0
	return nil
}

func (p *player) malloc() error {
	size := p.next() << (p.next() % 10)
	q, err := p.h.Malloc(size)
	if errors.Is(err, ErrNoMemory) {
		return p.mayRefuse()
	}
	if err != nil {
		return err
	}
	if _, twice := p.general[q]; twice || p.h.UsableSize(q) < size {
		return fmt.Errorf("Malloc(%d) gave %p with %d bytes", size, q, p.h.UsableSize(q))
	}
	b := p.h.bytes(p.h.offset(q), p.h.UsableSize(q))
	b[0], b[len(b)-1] = byte(size), byte(size)
	p.general[q] = size
	return nil
}

func (p *player) mallocFree() error {
	for q, size := range p.general {
		b := p.h.bytes(p.h.offset(q), p.h.UsableSize(q))
		if b[0] != byte(size) || b[len(b)-1] != byte(size) {
			return fmt.Errorf("%p of %d bytes was overwritten", q, size)
		}
		delete(p.general, q)
		if p.next()&1 == 0 {
			p.h.Free(q)
		} else {
			p.h.FreeDeferred(q)
		}
		break
	}
	return nil
}

func (p *player) toggleSection() error {
	if p.open {
		p.section.Exit()
	} else {
		p.section = p.h.Domain().Enter()
	}
	p.open = !p.open
	return nil
}

func (p *player) barrier() error {
	if p.open {
		return nil
	}
	for _, m := range p.caches {
		m.c.BarrierDeferred()
		m.deferred = 0
		if s := m.c.Stats(); s.Deferred != 0 {
			return fmt.Errorf("after the barrier: %+v", s)
		}
	}
	p.h.Domain().Barrier()
	for _, m := range p.caches {
		if s := m.c.Stats(); s.SlabsLimbo != 0 {
			return fmt.Errorf("after the barrier: %+v", s)
		}
	}
	return nil
}

func (p *player) inspect() error {
	m := p.pick()
	if m == nil || len(m.live) == 0 {
		return nil
	}
	q := m.live[p.next()%len(m.live)]
	in := p.next() % m.c.Size()
	o := p.h.Inspect(at(q, uintptr(in)))
	if o.State != ObjectAllocated || o.Cache != m.c || o.Start != q || o.Offset != in {
		return fmt.Errorf("byte %d of %p of %s: %+v", in, q, m.c.Name(), o)
	}
	if err := m.c.Validate(q); err != nil {
		return err
	}
	if in != 0 && m.c.Validate(at(q, uintptr(in))) == nil {
		return fmt.Errorf("byte %d of an object is an object", in)
	}
	return nil
}

// misuse frees what is no object, which must change nothing.
func (p *player) misuse() (err error) {
	m := p.pick()
	if m == nil {
		return nil
	}
	bad := Pointer(p)
	if len(m.live) > 0 && p.next()&1 == 0 {
		bad = at(m.live[0], 1)
	}
	free := [...]func(Pointer){m.c.Free, m.c.On(p.cpu).Free, p.h.Free, m.c.FreeDeferred, func(q Pointer) { m.c.FreeBulk([]Pointer{q}) }}
	defer func() {
		if recover() == nil {
			err = fmt.Errorf("a free of %p, no object of %s, went through", bad, m.c.Name())
		}
	}()
	free[p.next()%len(free)](bad)
	return nil
}

// settled is check, again for a while when callbacks are on their way: they free
// objects and pages between two looks.
func (p *player) settled() (err error) {
	for range 1000 {
		if err = p.check(); err == nil {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return err
}

// check compares what the heap says about itself with the model, and what it
// holds with what its caches say they have.
func (p *player) check() error {
	var pages int64
	for _, c := range p.h.Caches() {
		s := c.Stats()
		pages += int64(s.Slabs * s.PagesPerSlab)
		if s.Objects != s.Slabs*s.ObjPerSlab || s.Slabs != s.SlabsFull+s.SlabsPartial+s.SlabsFree || s.Active < 0 {
			return fmt.Errorf("%+v", s)
		}
	}
	h := p.h.Stats()
	if h.Live != pages<<pageShift {
		return fmt.Errorf("the caches have %d pages, the heap says %+v", pages, h)
	}
	for _, m := range p.caches {
		s := m.c.Stats()
		if s.Active < len(m.live)+s.Deferred || s.Deferred > m.deferred {
			return fmt.Errorf("%d live and %d deferred objects: %+v", len(m.live), m.deferred, s)
		}
	}
	return nil
}

// end takes everything home.
func (p *player) end() error {
	if p.open {
		if err := p.toggleSection(); err != nil {
			return err
		}
	}
	for len(p.general) > 0 {
		if err := p.mallocFree(); err != nil {
			return err
		}
	}
	for len(p.caches) > 0 {
		m := p.caches[0]
		for len(m.live) > 0 {
			q, err := p.give(m)
			if err != nil {
				return err
			}
			m.c.Free(q)
		}
		if err := p.destroy(); err != nil {
			return err
		}
	}
	if err := p.h.destroyOwn(); err != nil {
		return err
	}
	for _, c := range p.h.inner {
		c.Shrink()
	}
	if s := p.h.Stats(); s.Live != 0 || s.Limbo != 0 {
		return fmt.Errorf("at the end: %+v", s)
	}
	return nil
}
