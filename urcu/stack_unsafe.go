// A number that differs between goroutines and is nearly free: bits of the
// address of the stack. See doc.go, "Slots".

package urcu

import "unsafe"

const (
	slotCount = 64
	slotShift = 11 // stacks start at 2 KiB
)

// stackSlot is stable for a goroutine while its stack is not moved and calls
// stay within the same 2 KiB. It is a hint: any number is correct.
func stackSlot() uintptr {
	var here byte
	return uintptr(unsafe.Pointer(&here)) >> slotShift & (slotCount - 1)
}
