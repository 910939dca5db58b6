// Heads and the links between them, which are differences of addresses. See
// doc.go, "Heads".

package urcu

import "unsafe"

// A Head queues one callback. It is 16 bytes without Go pointers and lives in
// memory that the collector does not own, or inside a Go object that stays
// reachable by other means until the callback has run: the chain of Heads hides
// what it links from the collector.
//
// A Head must be zero, or have been through a callback, when it is given to
// Call. It belongs to the domain until its callback runs, which then owns it again.
type Head struct {
	link  int64 // address of the next Head minus the own one; 0: last
	cb    Callback
	state uint32 // queuedMark between Call and callback
}

// queuedMark is no value that a zeroed or used Head carries.
const queuedMark = 0x51abacb5

// HeadSize is the size of a Head in bytes.
const HeadSize = unsafe.Sizeof(Head{})

// next follows the link. checkptr would object to arithmetic that leaves the
// object: heads of one chain lie in different ones.
//
//go:nocheckptr
func (h *Head) next() *Head {
	if h.link == 0 {
		return nil
	}
	return (*Head)(unsafe.Add(unsafe.Pointer(h), h.link))
}

// setNext links n, which may be nil, behind h.
func (h *Head) setNext(n *Head) {
	if n == nil {
		h.link = 0
		return
	}
	h.link = int64(uintptr(unsafe.Pointer(n)) - uintptr(unsafe.Pointer(h)))
}

// closureOf returns the closure that h opens.
func closureOf(h *Head) *closure { return (*closure)(unsafe.Pointer(h)) }

// The closure's head comes first.
const _ = -unsafe.Offsetof(closure{}.head)

// Head is 16 bytes.
const (
	_ = HeadSize - 16
	_ = 16 - HeadSize
)
