// The blocks of deferred.go: objects behind a head.

package kmem

import (
	"unsafe"

	"github.com/slabrcu/slabrcu/urcu"
)

// blockEntries is how many objects a block holds.
const blockEntries = (blockBytes - int(unsafe.Sizeof(deferBlock{}))) / 8

func blockAt(p Pointer) *deferBlock { return (*deferBlock)(p) }

// blockOf returns the block that head is the first field of.
func blockOf(head *urcu.Head) *deferBlock { return (*deferBlock)(unsafe.Pointer(head)) }

func (b *deferBlock) address() Pointer { return unsafe.Pointer(b) }

// entry returns the address of entry i, below blockEntries.
func (b *deferBlock) entry(i uint32) *addr {
	return (*addr)(unsafe.Add(unsafe.Pointer(b), unsafe.Sizeof(deferBlock{})+uintptr(i)*8))
}

// entries are the objects that the block holds.
func (b *deferBlock) entries() []addr { return unsafe.Slice(b.entry(0), b.n) }
