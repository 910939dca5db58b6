package urcu

import "unsafe"

// ageBlock ages a block by one grace period after the other, each a Call.
var ageBlock = NewCallback("torture.age", func(h *Head) {
	b := (*block)(unsafe.Pointer(h))
	if !b.x.older(b) {
		b.x.d.Call(&b.head, ageBlockAgain)
	}
})

// ageBlockAgain is another name, since a variable cannot name itself in its
// initialiser.
var ageBlockAgain Callback

func init() { ageBlockAgain = ageBlock }
