// A number that differs between goroutines and is nearly free: bits of the
// address of the stack. See doc.go, "Slots".

package urcu

import "unsafe"

const (
	slotCount = 64
	slotShift = 11 // stacks start at 2 KiB
)

// stackKey returns the number of the 2 KiB of memory that the caller's frame begins
// in. Stacks are 2 KiB or more, aligned, and do not overlap: while the caller makes no
// call nobody else has this key. See doc.go, "Leases".
//
// The variable is a pointer so that its address counts as a memory operation: the compiler
// could take that of a byte before a call that comes first, in whatever this is inlined into.
func stackKey() uintptr {
	var here unsafe.Pointer
	return uintptr(unsafe.Pointer(&here)) >> slotShift
}

// stackSlot is stable for a goroutine while its stack is not moved and calls
// stay within the same 2 KiB. It is a hint: any number is correct.
func stackSlot() uintptr { return stackKey() & (slotCount - 1) }
