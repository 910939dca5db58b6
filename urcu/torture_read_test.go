// The readers of the torture suite.

package urcu

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// anyReader makes sections of any goroutine look like a registered reader.
type anyReader struct {
	d    *Domain
	open []Section
}

func (r *anyReader) Lock() { r.open = append(r.open, r.d.Enter()) }
func (r *anyReader) Unlock() {
	n := len(r.open) - 1
	r.open[n].Exit()
	r.open = r.open[:n]
}
func (r *anyReader) Synchronize()    { r.d.Synchronize() }
func (r *anyReader) Unregister()     {}
func (r *anyReader) QuiescentState() { r.d.Drive() }
func (r *anyReader) Offline()        {}
func (r *anyReader) Online()         {}

func (x *torture) newReader(any bool) Reader {
	if any {
		return &anyReader{d: x.d}
	}
	return x.d.Register("")
}

// A seen collects one reader's evidence without touching shared lines.
type seen struct {
	sections int64
	pipe     [pipeLen + 2]int64
	early    int64
	dead     int64
}

func (s *seen) add(x *torture) {
	x.sections.Add(s.sections)
	for i, n := range s.pipe {
		x.pipe[i].Add(n)
	}
	x.early.Add(s.early)
	x.dead.Add(s.dead)
	*s = seen{}
}

// section is one section: find a block, pass time, look at its age again.
func (x *torture) section(r Reader, s *seen, root int, inside func()) {
	r.Lock()
	// The word is this epoch or an earlier one: no later one can end inside.
	latest := atomic.LoadUint64(&x.d.epoch)
	b := x.roots[root].Load()
	if b.state.Load() != alive {
		s.dead++
	}
	inside()
	age := b.age.Load()
	if b.state.Load() != alive {
		s.dead++
	}
	ended := int64(atomic.LoadUint64(&x.d.completed)-latest) / epochStep
	r.Unlock()
	s.sections++
	s.pipe[age]++
	if ended > 0 {
		s.early++
	}
	if ended > 0 || age > 1 || s.dead > 0 {
		x.stop.Store(true)
	}
}

// readTight reads as fast as it can. The stores to contended lines in front of
// Lock keep the word in the store buffer for as long as the machine allows.
func (x *torture) readTight(r Reader, rnd *rand.Rand, me int) {
	defer r.Unregister()
	var s seen
	defer func() { s.add(x) }()
	for i := 0; i == 0 || !x.stop.Load(); i++ {
		for range 16 {
			x.sectionTight(r, &s, rnd.Uint64())
		}
		switch i & 3 {
		case 0, 1:
			r.QuiescentState()
		case 2:
			r.Offline()
			x.jam(7)
			r.Online()
			x.sectionTight(r, &s, rnd.Uint64()&^0xff|64<<16)
		case 3:
			r.Offline()
			r.Online()
		}
	}
}

// jam fills the store buffer with stores that take their time.
func (x *torture) jam(n uint64) {
	for k := range n & 7 {
		releaseStore(&x.noise[k].word, n)
	}
}

// sectionTight is a short section, and one of sixteen holds on longer.
func (x *torture) sectionTight(r Reader, s *seen, n uint64) {
	hold := n >> 16 & 63
	if n>>24&15 == 0 {
		hold *= 8
	}
	x.jam(n)
	x.section(r, s, int(n>>8)%len(x.roots), func() {
		for range hold {
			burn()
		}
	})
}

// read does everything that a reader may do.
func (x *torture) read(r Reader, rnd *rand.Rand, me int) {
	defer r.Unregister()
	var s seen
	defer func() { s.add(x) }()
	mine := &x.readers[me]
	for i := uint64(1); !x.stop.Load(); i++ {
		x.section(r, &s, rnd.IntN(len(x.roots)), func() { x.inside(r, rnd, &s) })
		releaseStore(&mine.counter, i)
		x.readMail(mine)
		if i%16 == 0 {
			r.QuiescentState()
		}
		if i%4096 == 0 {
			r.Offline()
			if rnd.IntN(4) == 0 {
				x.d.Synchronize()
			}
			r.Online()
		}
		if i%8192 == 0 {
			r.Synchronize()
		}
	}
}

// inside is what happens between the two looks at a block.
func (x *torture) inside(r Reader, rnd *rand.Rand, s *seen) {
	switch n := rnd.IntN(10_000); {
	case n < 4000:
	case n < 8000:
		nap(rnd)
	case n < 9000: // a section inside, of the same kind or another
		if n&1 == 0 {
			r.Lock()
			nap(rnd)
			r.Unlock()
		} else {
			in := x.d.Enter()
			nap(rnd)
			in.Exit()
		}
	case n < 9500: // a cookie of now is not done while this section is open
		c := x.d.StartPoll()
		nap(rnd)
		x.check(&x.cookies, !x.d.Poll(c))
	case n < 9900:
		x.writeMail(rnd)
	case n < 9999:
		runtime.Gosched()
	default:
		time.Sleep(time.Duration(rnd.IntN(3)) * time.Millisecond)
	}
}

// Mail: the order check between three readers. A, in a section, notes in a block
// how far it saw B. After the block's grace period the writer hands the note to
// a reader C, who must see B at least that far.

func (x *torture) writeMail(rnd *rand.Rand) {
	who := rnd.IntN(6)
	count := atomic.LoadUint64(&x.readers[who].counter)
	x.roots[rnd.IntN(len(x.roots))].Load().mail.Store(count<<8 | uint64(who)<<1 | 1)
}

func (x *torture) deliverMail(b *block) {
	if m := b.mail.Swap(0); m != 0 {
		x.readers[m>>8%6].mail.Store(m)
	}
}

func (x *torture) readMail(mine *readerState) {
	if mine.mail.Load() == 0 {
		return
	}
	m := mine.mail.Swap(0)
	x.check(&x.order, atomic.LoadUint64(&x.readers[m>>1&15].counter) >= m>>8)
}

// storm is readers that register, read once, and leave, in bursts.
func (x *torture) storm(rnd *rand.Rand) {
	for !x.stop.Load() {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				r := x.newReader(i%4 == 3)
				defer r.Unregister()
				var s seen
				x.section(r, &s, i%len(x.roots), func() {})
				s.add(x)
				x.exits.Add(1)
			})
		}
		wg.Wait()
		time.Sleep(time.Duration(rnd.IntN(2000)) * time.Microsecond)
	}
}

// postAndBarrier checks that a barrier waits for one callback of each of many
// goroutines.
func (x *torture) postAndBarrier() {
	for !x.stop.Load() {
		ps, ran := parcels(12)
		var wg sync.WaitGroup
		for i := range ps {
			wg.Go(func() { x.d.Call(&ps[i].head, deliver) })
		}
		wg.Wait()
		x.d.Barrier()
		x.check(&x.barriers, ran.Load() == int64(len(ps)))
		runtime.KeepAlive(ps)
		time.Sleep(500 * time.Microsecond)
	}
}
