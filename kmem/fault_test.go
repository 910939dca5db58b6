package kmem

import "runtime/debug"

// faults reports whether the byte at p can not be read.
func faults(p Pointer) bool { return faultAddress(func() { faultSink += bytesAt(p, 1)[0] }) != 0 }

var faultSink byte

// faultAddress runs f and returns the address at which it faulted, 0 for none.
func faultAddress(f func()) (addr uintptr) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			addr = r.(interface{ Addr() uintptr }).Addr()
		}
	}()
	f()
	return 0
}
