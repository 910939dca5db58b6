// Epochs: the arithmetic of the one counter that orders everything. See doc.go.

package urcu

import (
	"math"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// In the bits of a word's nesting count an epoch is 1: a reader that enters its
// outermost section shows the epoch as it is. The bit above is 1 as well. So every
// epoch is odd, which marks like untouched are not, and neither an epoch nor the word
// of a reader that has left its section, one less, is ever 0, not even when the
// counter wraps.
const (
	epochStep = 2 << nestBits
	epochZero = 1<<nestBits | 1

	nestBits = 16 // sections nest so deep, less one
	nestMask = 1<<nestBits - 1
)

// firstEpoch is the smallest. Invariant builds start 64 grace periods before the
// wrap, so that every longer test crosses it.
func firstEpoch() uint64 {
	if invariant.Enabled {
		return epochZero + (math.MaxUint64 - 64*epochStep + 1)
	}
	return epochZero
}

// quiet reports whether a reader's word says that it is outside of sections. The
// bit above the count must be 1 as in every epoch: a count that has run over or
// under clears it, and leaders wait rather than believe such a word.
func quiet(w uint64) bool { return w == 0 || w&(epochStep-1) == 1<<nestBits }

// reached reports whether epoch e is t or later. The difference is signed: two
// epochs in use are never half the number space apart.
func reached(e, t uint64) bool { return int64(e-t) >= 0 }

// fullFence orders everything before it with everything after it.
//
// amd64: XCHG on the stack, 2 to 5 ns. arm64: SWPAL, which orders what stands
// before it with the loads after it only for atomics; callers on arm64 rely on
// sync/atomic being sequentially consistent, which this keeps.
func fullFence() {
	var x uint32
	atomic.SwapUint32(&x, 1)
}
