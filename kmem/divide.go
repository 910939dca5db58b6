// Division of an offset by the size of an object: how a free gets from an address
// to an object's number. Used at stop 8 of the walk in doc.go.

package kmem

import "math/bits"

// reciprocal divides by the size of an object without a division. With size =
// odd<<shift, the product with the inverse of odd modulo 2^32, rotated right by
// shift, is the quotient for every multiple of size. The map is one to one on 32
// bits, so whatever is no multiple lands above all quotients that fit 32 bits:
// one comparison with the number of objects checks both that an offset is an
// object's start and that it is on the slab. (Granlund and Montgomery, 1994.)
type reciprocal struct {
	inv   uint32
	shift uint8
}

// newReciprocal returns the reciprocal of size, which is above 0.
func newReciprocal(size uint32) reciprocal {
	shift := bits.TrailingZeros32(size)
	odd := size >> shift
	inv := odd // right to 3 bits; each round doubles them: 6, 12, 24, 48
	for range 4 {
		inv *= 2 - odd*inv
	}
	return reciprocal{inv: inv, shift: uint8(shift)}
}

// index returns rel/size when rel is a multiple of size. Otherwise it returns a
// number above all quotients, so that index(rel) < num holds only for the starts
// of num objects; num*size must not be above 2^32.
func (r reciprocal) index(rel uint32) uint32 {
	return bits.RotateLeft32(rel*r.inv, -int(r.shift))
}
