// A random source that costs a nanosecond and belongs to one worker.
//
// See doc.go for an overview.

package bench

// random is a xorshift generator. The zero value is not usable.
type random uint64

// newRandom returns a generator of its own for each worker; runs repeat.
func newRandom(worker int) random { return random(0x9e3779b97f4a7c15 * uint64(worker+1)) }

func (r *random) next() uint64 {
	x := uint64(*r)
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = random(x)
	return x
}

// life returns a generator for somebody who takes over from r's owner. What two
// goroutines use is theirs by turns and lies on the heap, maybe on one cache line with
// another worker's: so a life has its own, on its stack.
func (r *random) life() random { return random(r.next()) }

// below returns a number under n, by a multiplication in place of a division.
func (r *random) below(n int) int { return int((r.next() >> 32) * uint64(n) >> 32) }
