// A random source that costs a nanosecond and belongs to one worker.
//
// See doc.go for an overview.

package bench

// random is a xorshift generator. The zero value is not usable.
//
// A loop that is measured uses step and under, which leave the generator in a
// register. In memory it would be read behind the store to an object whose
// address is still on its way from the cache, and processors that wait for that
// find one object after the other: RandomLive100k takes 6.0 ns an operation on a
// Zen 4 with the one and 12.5 with the other.
type random uint64

// newRandom returns a generator of its own for each worker; runs repeat.
func newRandom(worker int) random { return random(0x9e3779b97f4a7c15 * uint64(worker+1)) }

// step returns the generator after r.
func (r random) step() random {
	r ^= r << 13
	r ^= r >> 7
	return r ^ r<<17
}

// under returns r's number under n, by a multiplication in place of a division.
func (r random) under(n int) int { return int(uint64(r>>32) * uint64(n) >> 32) }

// next steps a generator that is kept in memory.
func (r *random) next() uint64 {
	*r = r.step()
	return uint64(*r)
}

// below is next for a number under n.
func (r *random) below(n int) int {
	r.next()
	return r.under(n)
}
