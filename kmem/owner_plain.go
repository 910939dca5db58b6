//go:build amd64 && !race

// The owner's side of drain.go where stores are ordered by the hardware.

package kmem

// plainOwner says that an owner's plain stores are ordered among themselves and
// after its loads (TSO), so that its fast path needs no atomic.
const plainOwner = true

// storeRelease stores v after everything that came before it. On amd64 that is
// a MOV; atomic.StoreUint32 would be an XCHG.
func storeRelease(p *uint32, v uint32) { *p = v }
