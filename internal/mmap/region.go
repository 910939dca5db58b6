// The reservation, its bounds and its life. What the system does is in
// system_unix.go and its neighbours, what the race lane does in system_race.go.

package mmap

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"
)

const (
	// PageSize is the unit of every offset and length, in bytes. The system's
	// own page may be a multiple of it.
	PageSize = 4096

	// BaseAlign is the alignment of [Region.Base] in bytes: one huge page of
	// amd64, so that an aligned offset is an aligned address.
	BaseAlign = 2 << 20

	// MaxHeapBacked is what [Reserve] grants at most where [HeapBacked], in bytes.
	MaxHeapBacked = 64 << 20
)

// sysPage is the system's page in bytes, a multiple of PageSize.
var sysPage = max(uintptr(os.Getpagesize()), PageSize)

// A Region is one reservation of address space. Its methods may be called from
// any goroutine, at once for ranges that do not overlap; Retire excludes all
// others. No method blocks for longer than the system call takes.
type Region struct {
	// constant after Reserve
	base unsafe.Pointer // also what keeps the block alive, where HeapBacked
	size uintptr

	// atomic
	top     atomic.Uintptr // end of the highest range ever committed
	retired atomic.Bool
}

// Reserve reserves size bytes of address space, rounded up to a whole page,
// without memory behind them. [Region.Size] tells what was granted: where
// [HeapBacked] that is at most [MaxHeapBacked]. The error names the size and
// wraps the system's.
func Reserve(size uintptr) (*Region, error) {
	rounded := roundUp(size, sysPage)
	if size == 0 || rounded < size || rounded+BaseAlign < rounded {
		return nil, fmt.Errorf("mmap: reserve %#x bytes: size must be above 0 and fit the address space", size)
	}
	r := &Region{size: rounded}
	if err := r.sysReserve(); err != nil {
		return nil, fmt.Errorf("mmap: reserve %#x bytes: %w", size, err)
	}
	return r, nil
}

// Base is the address of offset 0, aligned to [BaseAlign].
func (r *Region) Base() unsafe.Pointer { return r.base }

// Size is the length of the region in bytes.
func (r *Region) Size() uintptr { return r.size }

// Commit makes [off, off+n) readable and writable. What was never written there
// reads 0. Memory is taken at the first touch of each page, not here; still
// Commit fails where the system accounts for it (RLIMIT_DATA, strict
// overcommit), and then the range is as before.
func (r *Region) Commit(off, n uintptr) error {
	p := r.check("commit", off, n)
	if n == 0 {
		return nil
	}
	lo, hi := roundDown(off, sysPage), roundUp(off+n, sysPage)
	if err := r.sysCommit(lo, hi-lo); err != nil {
		return failed("commit", p, n, err)
	}
	for t := r.top.Load(); t < hi && !r.top.CompareAndSwap(t, hi); t = r.top.Load() {
	}
	return nil
}

// Discard gives the memory of [off, off+n) back to the system. The range must
// be committed; it stays so and reads 0.
func (r *Region) Discard(off, n uintptr) error {
	p := r.check("discard", off, n)
	lo, hi := roundUp(off, sysPage), roundDown(off+n, sysPage)
	if lo >= hi {
		clear(r.bytes(off, n))
		return nil
	}
	clear(r.bytes(off, lo-off))
	clear(r.bytes(hi, off+n-hi))
	if err := r.sysDiscard(lo, hi-lo); err != nil {
		return failed("discard", p, n, err)
	}
	return nil
}

// Protect makes every access to [off, off+n) fault until the next Commit. The
// contents stay. Where [HeapBacked] nothing happens.
func (r *Region) Protect(off, n uintptr) error {
	p := r.check("protect", off, n)
	lo, hi := roundUp(off, sysPage), roundDown(off+n, sysPage)
	if lo >= hi {
		return nil
	}
	if err := r.sysProtect(lo, hi-lo); err != nil {
		return failed("protect", p, n, err)
	}
	return nil
}

// Retire gives all memory back and makes every access fault, for ever: the
// addresses are never used again. Any later call but Base, Size and Retire
// panics. Where [HeapBacked] the contents are cleared instead, and the block
// lives as long as anything points into it.
//
// When the system refuses, the region is as before or has lost contents, and
// Retire may be called again.
func (r *Region) Retire() error {
	if r.retired.Swap(true) {
		return nil
	}
	if err := r.sysRetire(); err != nil {
		r.retired.Store(false)
		return failed("retire", r.base, r.size, err)
	}
	return nil
}

// Advise tells the system whether to back the range [off, off+n) with huge
// pages. It is a wish: the error, which is errors.ErrUnsupported where the
// system has none, changes nothing for the range's use.
func (r *Region) Advise(off, n uintptr, huge HugePages) error {
	p := r.check("advise", off, n)
	lo, hi := roundUp(off, sysPage), roundDown(off+n, sysPage)
	if lo >= hi || huge == HugeSystem {
		return nil
	}
	if err := r.sysAdvise(lo, hi-lo, huge); err != nil {
		return failed("advise", p, n, err)
	}
	return nil
}

// Populate asks the system for the memory of [off, off+n) as if each page had been
// written to, by one call where each would cost a fault. The range must be committed. It
// is a wish: what the system does not grant comes at the first touch.
func (r *Region) Populate(off, n uintptr) {
	r.check("populate", off, n)
	lo, hi := roundDown(off, sysPage), roundUp(off+n, sysPage)
	if lo < hi {
		r.sysPopulate(lo, hi-lo)
	}
}

// HugePages is what [Region.Advise] asks for.
type HugePages uint8

const (
	HugeSystem HugePages = iota // what the system does unasked
	HugeAlways                  // huge pages wherever an aligned one fits
	HugeNever                   // single pages alone
)

// Resident returns how many bytes of the region have memory behind them now.
// It costs a system call per 64 MiB up to the highest commit. The error is
// errors.ErrUnsupported where the system cannot tell.
func (r *Region) Resident() (uintptr, error) {
	r.check("resident", 0, 0)
	n, err := r.sysResident()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return 0, failed("resident", r.base, r.size, err)
	}
	return n, err
}

// Name labels the region in /proc/self/maps where the kernel can do that, and
// does nothing elsewhere. Characters that the kernel refuses become '_'.
func (r *Region) Name(s string) {
	r.check("name", 0, 0)
	r.sysName(s)
}

// check panics unless [off, off+n) is whole pages inside a live region, and
// returns its address.
func (r *Region) check(op string, off, n uintptr) unsafe.Pointer {
	if r.retired.Load() {
		panic(fmt.Sprintf("mmap: %s of a retired region at %p", op, r.base))
	}
	if (off|n)%PageSize != 0 || off > r.size || n > r.size-off {
		panic(fmt.Sprintf("mmap: %s offset %#x length %#x: want multiples of %#x inside the region of %#x bytes at %p",
			op, off, n, PageSize, r.size, r.base))
	}
	return unsafe.Add(r.base, off)
}

// bytes is [off, off+n) as a slice. The memory is touched only by who uses it.
func (r *Region) bytes(off, n uintptr) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(r.base, off)), n)
}

func failed(op string, p unsafe.Pointer, n uintptr, err error) error {
	return fmt.Errorf("mmap: %s %#x bytes at %p: %w", op, n, p, err)
}

// roundUp and roundDown need a power of two. roundUp of a size near the end of
// the address space wraps to 0.
func roundUp(n, to uintptr) uintptr   { return (n + to - 1) &^ (to - 1) }
func roundDown(n, to uintptr) uintptr { return n &^ (to - 1) }
