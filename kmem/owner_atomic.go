//go:build !amd64 || race

// The owner's side of drain.go where plain stores may pass each other, or the
// race detector must see what orders them.

package kmem

import "sync/atomic"

const plainOwner = false

func storeRelease(p *uint32, v uint32) { atomic.StoreUint32(p, v) }
