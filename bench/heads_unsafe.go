// What stands around a head: the jobs of Call, the blocks of the torture, the
// entries of an arena.
//
// See doc.go for an overview.

package bench

import (
	"unsafe"

	"github.com/slabrcu/slabrcu/urcu"
)

// job lives off the heap. Its head comes first, so that a head's address is its
// job's.
type job struct {
	head   urcu.Head
	queued int64  // ns since epochStart; 0 when it is not timed
	busy   uint32 // 1 from its turn until its callback has run
}

const jobSize = int(unsafe.Sizeof(job{}))

func jobOf(h *urcu.Head) *job { return (*job)(unsafe.Pointer(h)) }

func jobAt(w *word) *job { return (*job)(w.pointer()) }

// blockOf returns the block that a head begins.
func blockOf(h *urcu.Head) *block { return (*block)(unsafe.Pointer(h)) }

const entrySize = unsafe.Sizeof(entry{})

// entryOf returns the entry that a head is in.
func entryOf(h *urcu.Head) *entry {
	return (*entry)(unsafe.Add(unsafe.Pointer(h), -int(unsafe.Offsetof(entry{}.head))))
}
