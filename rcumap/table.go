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

// table says where buckets are: the directory of chunks, how many buckets there
// may be, and how many there are. It is replaced as a whole whenever one of them
// changes, so that a reader has all of one moment.
type table struct {
	mask     uint64                  // a power of two less one
	frontier uint64                  // buckets from this number on are not split; a multiple of the number of stripes
	chunks   []atomic.Pointer[chunk] // for mask+1 buckets; nil beyond the frontier
}

// newTable makes a table for a power of two of buckets.
func newTable(buckets uint64) *table {
	return &table{mask: buckets - 1, chunks: make([]atomic.Pointer[chunk], (buckets+chunkBuckets-1)>>chunkShift)}
}

// advanced returns a table with another frontier and the same chunks, which is
// twice as large if it must be.
func (t *table) advanced(frontier uint64) *table {
	if frontier <= t.mask+1 {
		return &table{mask: t.mask, frontier: frontier, chunks: t.chunks}
	}
	d := newTable(2 * (t.mask + 1))
	d.frontier = frontier
	for i := range t.chunks {
		d.chunks[i].Store(t.chunks[i].Load())
	}
	return d
}

// addChunks makes sure that all buckets below the frontier have a chunk. When it fails, or
// a shrinker panics, it has added none.
func (t *table) addChunks(from *kmem.Typed[chunk]) error {
	top := int((t.frontier - 1) >> chunkShift)
	i, done := top, false
	defer func() {
		for ; !done && i < top; i++ { // nobody looks beyond the old frontier
			from.Free(t.chunks[i+1].Swap(nil))
		}
	}()
	for ; i >= 0 && t.chunks[i].Load() == nil; i-- { // downwards: those that are there are the first
		c, err := from.TryAlloc()
		if err != nil {
			return err
		}
		t.chunks[i].Store(c)
	}
	done = true
	return nil
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

// guess returns the bucket that keys of a hash are in, unless its head is 0: then
// it is an ancestor.
//
// Buckets from the frontier on are certainly not split: it moves before they are.
// Those below nearly all are, for stripes follow it soon. So most of the time
// this touches one bucket.
func (t *table) guess(h uint64) uint64 {
	b := h & t.mask
	_, below := bits.Sub64(b, t.frontier, 0)
	return b & (t.mask>>1 | -below) // beyond the frontier one bit less; as a branch nobody could predict it
}

// locate returns the bucket that keys of a hash are in, at some moment of the
// call, and its first link.
func (m *Map[K, V]) locate(h uint64) (bucket uint64, head link) {
	t := m.table.Load()
	b := t.guess(h)
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
