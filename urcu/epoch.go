// Epochs: the arithmetic of the one counter that orders everything. See doc.go.

package urcu

import (
	"math"
	"sync/atomic"

	"github.com/slabrcu/slabrcu/internal/invariant"
)

// Epochs are odd, so that no epoch is ever 0 (a quiescent word) or even (marks
// that are no epoch), not even when the counter wraps.
const epochStep = 2

// firstEpoch is 1. Invariant builds start 64 grace periods before the wrap, so
// that every longer test crosses it.
func firstEpoch() uint64 {
	if invariant.Enabled {
		return math.MaxUint64 - 64*epochStep
	}
	return 1
}

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
