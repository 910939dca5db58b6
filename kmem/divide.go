// Division of an offset by the size of an object: how a free gets from an address
// to an object's number. Used at stops 6 and 8 of the walk in doc.go.

package kmem

import "math/bits"

// reciprocal divides by the size of an object without a division, and tells the
// starts of the objects of a slab from all other offsets by one multiplication
// and one comparison.
//
// With size*mul = 2^64 + e, where e is from 1 to size, and an offset of q*size + r,
// the product with mul is q*2^64 + q*e + r*mul: its upper half is q, and its lower
// half is q*e for a start, where r is 0, or else at least mul. The starts of num
// objects are those below num*e, which is not above mul while num*size fits 32
// bits. (After Lemire, Kaser and Kurz, 2019, who have e of 0 too, for powers of 2:
// then all starts give 0, and the number needs a comparison of its own.)
type reciprocal struct {
	mul  uint64 // 2^64/size, and less than 2 more
	span uint64 // num*e; 0 is no object at all
}

// newReciprocal returns the reciprocal of size, which is above 1, for slabs of num
// objects. num*size must be below 2^32.
func newReciprocal(size, num uint32) reciprocal {
	quo, _ := bits.Div64(1, 0, uint64(size))
	mul := quo + 1
	return reciprocal{mul: mul, span: uint64(num) * (mul * uint64(size))}
}

// starts reports whether rel is the offset of an object from the first one. An
// offset below the first one is a number near 2^32, and none.
func (r *reciprocal) starts(rel uint32) bool { return uint64(rel)*r.mul < r.span }

// index returns the number of the object that starts at rel.
func (r *reciprocal) index(rel uint32) uint32 {
	hi, _ := bits.Mul64(uint64(rel), r.mul)
	return uint32(hi)
}
