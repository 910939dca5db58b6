// The table: from a hash to a bucket. See doc.go for the terms.

package rcumap

import (
	"math/bits"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/kmem"
)

const (
	chunkShift   = 12
	chunkBuckets = 1 << chunkShift // 32 KiB
)

// chunk is an array of buckets. Those that are not split are 0.
type chunk [chunkBuckets]atomic.Uint64

func (c *chunk) construct() { clear(c[:]) }

// table is the directory of chunks. A larger one replaces it when the table
// doubles; both lead to the same chunks.
type table struct {
	mask   uint64 // number of buckets less one, split or not
	chunks []atomic.Pointer[chunk]
}

// newTable makes a directory for a power of two of buckets.
func newTable(buckets uint64) *table {
	return &table{mask: buckets - 1, chunks: make([]atomic.Pointer[chunk], (buckets+chunkBuckets-1)>>chunkShift)}
}

// doubled returns a directory of twice as many buckets with the same chunks.
func (t *table) doubled() *table {
	d := newTable(2 * (t.mask + 1))
	for i := range t.chunks {
		d.chunks[i].Store(t.chunks[i].Load())
	}
	return d
}

// addChunks makes sure that all buckets below n have a chunk.
func (t *table) addChunks(from *kmem.Typed[chunk], n uint64) error {
	for i := (n - 1) >> chunkShift; ; i-- { // downwards: those that are there are the first
		if t.chunks[i].Load() != nil {
			return nil
		}
		c, err := from.TryAlloc()
		if err != nil {
			return err
		}
		t.chunks[i].Store(c)
		if i == 0 {
			return nil
		}
	}
}

func (t *table) freeChunks(to *kmem.Typed[chunk]) {
	for i := range t.chunks {
		if c := t.chunks[i].Load(); c != nil {
			to.Free(c)
		}
	}
}

// bucket returns bucket b, which has a chunk.
func (t *table) bucket(b uint64) *atomic.Uint64 {
	return &t.chunks[b>>chunkShift].Load()[b&(chunkBuckets-1)]
}

// head returns the first link of bucket b, or 0 when it is not split.
func (t *table) head(b uint64) link {
	c := t.chunks[b>>chunkShift].Load()
	if c == nil {
		return 0
	}
	return link(c[b&(chunkBuckets-1)].Load())
}

// locate returns the bucket that keys of a hash are in, at some moment of the
// call, and its first link.
//
// Buckets from the frontier on are certainly not split: it moves before they are.
// Those below nearly all are, for stripes follow it soon. So most of the time
// this touches one bucket. The table is loaded before the frontier; if it doubles
// in between, the bucket found is that of a moment before.
func (m *Map[K, V]) locate(h uint64) (bucket uint64, head link) {
	t := m.table.Load()
	b := h & t.mask
	_, below := bits.Sub64(b, m.frontier.Load(), 0)
	b &= t.mask>>1 | -below // beyond the frontier one bit less; as a branch nobody could predict it
	if l := t.head(b); l != 0 {
		return b, l
	}
	return t.ancestor(b)
}

// closed is the end of every walk in a map that is closed. It is no bucket's.
const closed = link(1<<63 | 1)

// ancestor returns the bucket that one is to be split off, or that one's
// ancestor.
//
//go:noinline
func (t *table) ancestor(b uint64) (uint64, link) {
	for b != 0 {
		b = parent(b)
		if l := t.head(b); l != 0 {
			return b, l
		}
	}
	return 0, closed
}

// parent is b without its highest bit. b is not 0.
func parent(b uint64) uint64 { return b &^ topBit(b) }

func topBit(b uint64) uint64 { return 1 << (bits.Len64(b) - 1) }
