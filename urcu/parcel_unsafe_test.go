package urcu

import "unsafe"

var deliver = NewCallback("deliver", func(h *Head) {
	p := (*parcel)(unsafe.Pointer(h))
	p.ran.Add(1)
	if p.then != nil {
		p.then(p)
	}
})
