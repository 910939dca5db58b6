// Offsets: what lies with what on a cache line, checked by the compiler. A line below
// fails to compile, by a negative unsigned constant, when it does not hold.

package kmem

import "unsafe"

// goHeader is what Go's allocator has before an object of more than 512 bytes with
// pointers. TestCacheLines looks at an address.
const goHeader = 8

const (
	// A batch that goes to or from the shared array writes two lines of the cache.
	_ = -((unsafe.Offsetof(Cache{}.mu) + goHeader) % 64)
	_ = 64 - (unsafe.Offsetof(Cache{}.shared) + unsafe.Sizeof(sharedArray{}) - unsafe.Offsetof(Cache{}.mu))
	_ = -((unsafe.Offsetof(Cache{}.stats) + goHeader) % 64)
	_ = 64 - (unsafe.Offsetof(Cache{}.stirs) + unsafe.Sizeof(stirs{}) - unsafe.Offsetof(Cache{}.stats))
	_ = -((unsafe.Offsetof(Cache{}.state) + goHeader) % 64)
	_ = -((unsafe.Offsetof(Cache{}.lists) + goHeader) % 64)
)
