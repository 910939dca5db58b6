// Slab torture: objects are unique, in constructed state, and all come back.
//
// See doc.go for an overview.

package bench

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/smp"
)

// tag is the head of every object of the torture.
type tag struct {
	mark  uint64        // tagMark, written by the constructor alone
	owner atomic.Uint64 // 0 is free; else who has it, and since when
}

const tagMark = 0x0ff_5ab_c0ffee

// The three sizes of objects. Small ones share a line, large ones leave slack.
type (
	small  struct{ tag }
	medium struct {
		tag
		_ [30]uint64
	}
	large struct {
		tag
		_ [190]uint64
	}
)

func (t *tag) construct() {
	t.mark = tagMark
	t.owner.Store(0)
}

// slabTrial is what the workers on caches of all sizes share.
type slabTrial struct {
	*trial
	heap   *kmem.Heap
	caches []*kmem.Cache // of the torture's own goroutine

	allocs, frees, remote, refused *atomic.Uint64
	shrinks, lives                 *atomic.Uint64
	ids                            atomic.Uint64
}

func tortureSlab(t *trial) error {
	if t.Heap.Limit == 0 {
		t.Heap.Limit = slabTortureLimit
	}
	h, err := t.newHeap("slabs")
	if err != nil {
		return err
	}
	st := &slabTrial{trial: t, heap: h}
	st.allocs = t.count("objects handed out")
	st.frees = t.count("objects freed")
	st.remote = t.count("of them by another CPU")
	st.refused = t.count("allocations refused at the heap's limit")
	st.shrinks = t.count("shrinks")
	st.lives = t.count("caches made and destroyed")
	if err := startCache[small](st, "small"); err != nil {
		return err
	}
	if err := startCache[medium](st, "medium"); err != nil {
		return err
	}
	if err := startCache[large](st, "large"); err != nil {
		return err
	}
	t.worker("maker of caches", st.makeCaches)
	t.wg.Wait()
	return st.end()
}

// slabTortureLimit makes allocations fail now and then.
const slabTortureLimit = 512 << 10

// end closes the heap: every object and every page must be back.
func (t *slabTrial) end() error {
	if a, f := t.allocs.Load(), t.frees.Load(); a != f {
		t.found(ClassLost, "%d objects were handed out and %d came back", a, f)
	}
	if t.failed() {
		return nil
	}
	if err := destroyHeap(t.heap, t.caches...); err != nil {
		t.found(ClassLost, "closing the heap: %v", err)
	}
	return nil
}

// tagged is an object that begins with a tag.
type tagged[T any] interface {
	*T
	claim(id uint64) string
	release(id uint64) bool
	construct()
}

// claim makes a free object the caller's and says what is wrong with it, or "".
func (t *tag) claim(id uint64) string {
	if t.mark != tagMark {
		return fmt.Sprintf("the mark is %#x, not the constructor's", t.mark)
	}
	if !t.owner.CompareAndSwap(0, id) {
		return fmt.Sprintf("it belongs to %d", t.owner.Load())
	}
	return ""
}

// release gives the object back its constructed state.
func (t *tag) release(id uint64) bool { return t.owner.CompareAndSwap(id, 0) }

// held is an object with the name that its owner wrote into it.
type held[T any] struct {
	obj *T
	id  uint64
}

// startCache makes a cache of T and starts workers on it: two emulated CPUs and
// two plain goroutines that free each other's objects, and one that shrinks.
func startCache[T any, P tagged[T]](t *slabTrial, name string) error {
	c, err := kmem.Of(t.heap, name, kmem.TypedOptions[T]{
		Flags: t.Flags,
		Ctor:  func(obj *T) { P(obj).construct() },
	})
	if err != nil {
		return err
	}
	t.caches = append(t.caches, c.Cache())
	pass := make(chan []held[T], 16)
	done := make(chan struct{})
	var left atomic.Int32
	left.Store(3)
	leave := func() {
		if left.Add(-1) == 0 {
			close(done)
		}
	}
	t.worker(name+" on emulated CPUs", func() {
		defer leave()
		smp.Run(2, func(cpu *smp.CPU) {
			l := c.On(cpu)
			slabWorker[T, P](t, newRandom(cpu.ID()), l.Alloc, l.Free, pass)
		})
	})
	for i := range 2 {
		t.worker(name+" in goroutines", func() {
			defer leave()
			slabWorker[T, P](t, newRandom(100+i), c.Alloc, c.Free, pass)
		})
	}
	t.worker(name+" shrinker", func() {
		for t.running() {
			c.Cache().Shrink()
			t.shrinks.Add(1)
			runtime.Gosched()
		}
		<-done
		gather[T, P](t, c.Free, pass)
	})
	return nil
}

// slabWorker allocates and frees at random, and passes objects on to others.
func slabWorker[T any, P tagged[T]](t *slabTrial, rng random, alloc func() *T, free func(*T), pass chan []held[T]) {
	var mine []held[T]
	for t.running() {
		for range rng.below(200) {
			id := t.ids.Add(1)
			obj := alloc()
			if obj == nil {
				t.refused.Add(1)
				break
			}
			t.allocs.Add(1)
			if wrong := P(obj).claim(id); wrong != "" {
				t.found(ClassDuplicate, "Alloc handed out %p to %d: %s", obj, id, wrong)
			}
			mine = append(mine, held[T]{obj, id})
		}
		if rng.below(4) == 0 && len(mine) > 0 {
			select {
			case pass <- mine:
				mine = nil
			default:
			}
		}
		select {
		case theirs := <-pass:
			t.remote.Add(uint64(len(theirs)))
			giveBack[T, P](t, theirs, free)
		default:
		}
		keep := rng.below(len(mine) + 1)
		giveBack[T, P](t, mine[keep:], free)
		mine = mine[:keep]
		if len(mine) > 2000 {
			giveBack[T, P](t, mine, free)
			mine = mine[:0]
		}
	}
	giveBack[T, P](t, mine, free)
}

func giveBack[T any, P tagged[T]](t *slabTrial, objects []held[T], free func(*T)) {
	for _, o := range objects {
		if !P(o.obj).release(o.id) {
			t.found(ClassDuplicate, "%p was %d's and somebody else wrote to it", o.obj, o.id)
		}
		free(o.obj)
		t.frees.Add(1)
	}
}

// gather frees what is still on its way when all workers have left.
func gather[T any, P tagged[T]](t *slabTrial, free func(*T), pass chan []held[T]) {
	for {
		select {
		case objects := <-pass:
			giveBack[T, P](t, objects, free)
		default:
			return
		}
	}
}

// makeCaches makes caches, uses them, and destroys them: first with an object
// out, which must be refused, then for good.
func (t *slabTrial) makeCaches() {
	for t.running() {
		c, err := kmem.Of(t.heap, "short-lived", kmem.TypedOptions[medium]{
			Flags: t.Flags,
			Ctor:  func(m *medium) { m.construct() },
		})
		if err != nil {
			t.found(ClassPanic, "making a cache: %v", err)
			return
		}
		m := c.Alloc()
		if m != nil {
			var busy *kmem.BusyError
			if err := c.Cache().Destroy(); !errors.As(err, &busy) || busy.Objects != 1 {
				t.found(ClassLost, "Destroy with one object out answered %v", err)
			}
			c.Free(m)
		}
		if err := c.Cache().Destroy(); err != nil {
			t.found(ClassLost, "Destroy with all objects back: %v", err)
			return
		}
		t.lives.Add(1)
		runtime.Gosched()
	}
}
