// How long to measure: go test's -benchtime, and the search for an iteration
// count that lasts that long.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Benchtime is how long a case is measured: a duration, or a fixed number of
// iterations on each worker. Its zero value means one second.
type Benchtime struct {
	D time.Duration
	N int // iterations; 0: as many as D takes
}

// DefaultBenchtime is go test's.
var DefaultBenchtime = Benchtime{D: time.Second}

// UnmarshalText reads "1s", "250ms" or "100x".
func (b *Benchtime) UnmarshalText(text []byte) error {
	s := string(text)
	if digits, ok := strings.CutSuffix(s, "x"); ok {
		n, err := strconv.Atoi(digits)
		if err != nil || n <= 0 {
			return fmt.Errorf("benchtime %q: legal are a positive count such as 100x and a duration such as 1s", s)
		}
		*b = Benchtime{N: n}
		return nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return fmt.Errorf("benchtime %q: legal are a positive count such as 100x and a duration such as 1s", s)
	}
	*b = Benchtime{D: d}
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (b Benchtime) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// String is a duration, or a number of iterations with an x behind it.
func (b Benchtime) String() string {
	switch {
	case b.N > 0:
		return strconv.Itoa(b.N) + "x"
	case b.D > 0:
		return b.D.String()
	}
	return DefaultBenchtime.String()
}

func (b Benchtime) orDefault() Benchtime {
	if b.N == 0 && b.D == 0 {
		return DefaultBenchtime
	}
	return b
}

// Bounds of the search.
const (
	maxIterations = 1_000_000_000_000 // per worker; a loop of nothing at all ends here
	maxGrowth     = 100               // a short round predicts badly: grow by no more than this
	closeEnough   = 0.85              // a round of this share of the goal is the measurement
)

// settled reports whether a round that ran n iterations in d is long enough to
// be the measurement.
func (b Benchtime) settled(n int, d time.Duration) bool {
	return b.N > 0 || n >= maxIterations || float64(d) >= closeEnough*float64(b.D)
}

// first returns the iterations of the first round.
func (b Benchtime) first() int { return max(b.N, 1) }

// next returns the iterations of the round that follows one of n iterations
// that took d: as many as the goal needs at that speed.
func (b Benchtime) next(n int, d time.Duration) int {
	d = max(d, 1)
	want := float64(n) * float64(b.D) / float64(d)
	want = min(want, float64(n)*maxGrowth, maxIterations)
	return max(int(want), n+1)
}
