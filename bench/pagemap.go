// The memory behind objects, as the system counts it: their pages and no others of
// the process.
//
// See doc.go for an overview.

package bench

import (
	"encoding/binary"
	"fmt"
	"os"
)

const pagemapFile = "/proc/self/pagemap"

// extent is the pages from the lowest to the highest of some objects, as numbers of
// pages in the address space.
type extent struct{ first, end uint64 }

// extentOf returns the extent of objects of a size in bytes. There must be one.
func extentOf(objects []word, size int) extent {
	lowest, highest := objects[0], objects[0]
	for _, o := range objects {
		lowest, highest = min(lowest, o), max(highest, o)
	}
	page := uint64(os.Getpagesize())
	return extent{uint64(lowest) / page, (uint64(highest)+uint64(size)-1)/page + 1}
}

// taken returns how many bytes of the extent the process holds: those in memory and
// those that were swapped out.
func (e extent) taken() (int64, error) {
	f, err := os.Open(pagemapFile)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	const (
		entryBytes = 8
		held       = 1<<63 | 1<<62 // present, swapped
	)
	var pages int64
	buf := make([]byte, 64<<10)
	for at := e.first; at < e.end; {
		n := min(e.end-at, uint64(len(buf)/entryBytes))
		part := buf[:n*entryBytes]
		if _, err := f.ReadAt(part, int64(at*entryBytes)); err != nil {
			return 0, fmt.Errorf("pages %#x to %#x: %w", at, at+n, err)
		}
		for i := range n {
			if binary.NativeEndian.Uint64(part[i*entryBytes:])&held != 0 {
				pages++
			}
		}
		at += n
	}
	return pages * int64(os.Getpagesize()), nil
}

// needsPagemap wants a system that tells which pages are resident.
func needsPagemap(p Params) string {
	if why := needsResident(p); why != "" {
		return why
	}
	f, err := os.Open(pagemapFile)
	if err != nil {
		return "the system does not tell which pages are resident: " + err.Error()
	}
	f.Close() // it was only looked for
	return ""
}
