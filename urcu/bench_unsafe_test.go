package urcu

import "unsafe"

var benchCallback = NewCallback("bench", func(h *Head) {
	x := (*benchBlock)(unsafe.Pointer(h))
	if x.at != 0 {
		benchCalls.latency.add(now() - x.at)
		x.at = 0
	}
	x.busy.Store(false)
})
