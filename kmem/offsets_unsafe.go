// Offsets: what lies with what on a cache line, checked by the compiler. A line below
// fails to compile, by a negative unsigned constant, when it does not hold.

package kmem

import "unsafe"

const (
	// A batch that goes to or from the shared array costs two lines of the cache.
	_ = -(unsafe.Offsetof(Cache{}.mu) % 64)
	_ = 64 - (unsafe.Offsetof(Cache{}.shared) + unsafe.Sizeof(sharedArray{}) - unsafe.Offsetof(Cache{}.mu))
	_ = -(unsafe.Offsetof(Cache{}.stats) % 64)
	_ = 64 - (unsafe.Offsetof(Cache{}.stirs) + unsafe.Sizeof(stirs{}) - unsafe.Offsetof(Cache{}.stats))
)
