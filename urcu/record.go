// Records: the words by which the leader of a grace period sees a registered
// reader. See doc.go, "Readers".

package urcu

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/smp"
)

// A record is what the registry keeps of a reader; the handle that the user
// holds points to it. Records are never freed, only reused, so that a leader
// may look at one whose reader has just left.
type record struct {
	// Owner: one cache line that the reader writes in every section.
	//
	// word is 0 before the first section (MB), and offline. Else its upper bits are
	// an epoch's: that at entry (MB), the last one seen (QSBR), the last one
	// acknowledged (Memb). Its lower nestBits count the sections that are open,
	// each inside the one before; an online QSBR reader counts as one.
	word uint64

	// notice is what leaders want of the owner, see the bits below; 0 is nothing.
	// It shares the owner's line on purpose: a leader writes it at most once in a
	// grace period, or when the reader is late, and the reader then finds it
	// without a second miss.
	notice uint64

	_ [2*smp.LinePad - hotSize - coldSize]byte

	// Cold: written at registration under registry.mu, far enough from the
	// neighbour's hot line and from this one's.
	cold
}

const hotSize, coldSize = 16, 56

// A leader's notice is the epoch that a Memb reader shall acknowledge when its
// outermost section ends, and noticeParked, which is 0 in every epoch. Leaders
// store it plainly: only who leads does, so what is lost is an older epoch, or the
// owner's noticeOffline. All that counts of the latter is that the notice is not 0,
// as the slow path goes by the word. The owner takes what it finds by an exchange.
const (
	noticeAck     = 1 << 0 // there is an epoch: all are odd
	noticeParked  = 1 << 1 // a leader sleeps: ring when the outermost section ends
	noticeOffline = 1 << 2 // Memb, by the owner: no Unlock is right before Online
)

type cold struct {
	name  string
	goid  uint64 // goroutine that registered
	nest  uint64 // QSBR, invariant builds: how many sections are open
	dom   *Domain
	chunk *chunk
	index uint8
	state recordState
}

type recordState uint8

const (
	recordFree recordState = iota
	recordLive
	recordLeaked // its handle was collected; the words stay as they were
)

// A chunk is 64 records and the bitmap of those in use, so that a scan costs
// what live readers cost. Chunks are never freed.
type chunk struct {
	used atomic.Uint64 // bit set before the handle is handed out, cleared after the word is 0
	_    [smp.LinePad - 8]byte
	rec  [64]record
}

// passed reports whether the reader can hold nothing that was unpublished
// before the tag t was taken. It is the whole of a grace period, for one reader.
//
// Pairs with A (reader enters): after the leader's fence, a word that counts no
// section belongs to a reader whose later loads see the unpublishing.
func passed(word *uint64, t uint64) bool {
	w := atomic.LoadUint64(word)
	return quiet(w) || reached(w, t)
}

// acknowledged is passed for who enters by plain stores, without any fence by the
// leader: the reader was outside of sections after it saw epoch t, which its word says
// ever since, inside of later ones too, or it is offline. Pairs with C in reader_memb.go
// and section.go.
func acknowledged(word *uint64, t uint64) bool {
	w := atomic.LoadUint64(word)
	return w == 0 || reached(w|1, t)
}

// inside reports whether a section is open, to anybody.
func (r *record) inside() bool { return !quiet(atomic.LoadUint64(&r.word)) }

// mayNest panics when there can be no further section inside the open ones.
func (r *record) mayNest() {
	if r == tomb {
		panic("urcu: Lock by a reader after Unregister")
	}
	if r.word&nestMask == nestMask {
		panic(fmt.Sprintf("urcu: domain %q: reader %q: Lock with %d sections open, or after an Unlock too many",
			r.dom.name, r.name, nestMask))
	}
}

// deeper opens a section inside another one.
//
//go:noinline
func (r *record) deeper() {
	r.mayNest()
	releaseStore(&r.word, r.word+1)
}

// unlockMBSlow runs after word has got its new value: a parked leader asked to be
// told of the end of the outermost section.
//
//go:noinline
func (r *record) unlockMBSlow() {
	if r == tomb {
		panic("urcu: Unlock by a reader after Unregister")
	}
	if r.word&nestMask == 0 {
		r.answer(0)
	}
}

// answer takes the notice, leaves another one in its place, and wakes the leader
// if one is parked. The word is in place before: W. What a leader parks for is a
// section that it has seen open after its mark, so a mark that is taken anywhere
// else is an old one, and the ring is spurious.
func (r *record) answer(next uint64) (notice uint64) {
	notice = atomic.SwapUint64(&r.notice, next)
	if notice&noticeParked != 0 {
		r.dom.bell.ring()
	}
	return notice
}

// reset makes the record quiescent for a new owner or after the last one. A leader
// that looked before may still leave a notice here: the next owner's first Unlock
// is slow then, and no more.
func (r *record) reset() {
	atomic.StoreUint64(&r.word, 0)
	r.nest = 0
	r.answer(0)
}

// take finds a free record of the chunk. The caller holds registry.mu.
func (c *chunk) take() *record {
	free := ^c.used.Load()
	if free == 0 {
		return nil
	}
	i := bits.TrailingZeros64(free)
	c.used.Or(1 << i)
	r := &c.rec[i]
	r.chunk, r.index = c, uint8(i)
	return r
}
