// Memory of an AnonVMA that becomes something else, and back.

package rmap

import (
	"sync/atomic"
	"unsafe"
)

// lockWord is the word that a stale reader would write to.
func lockWord(av *AnonVMA) *uint32 { return (*uint32)(unsafe.Pointer(&av.lock)) }

func becomeStranger(av *AnonVMA) { atomic.StoreUint32(lockWord(av), 0xdead_beef) }
func becomeAnonVMA(av *AnonVMA)  { atomic.StoreUint32(lockWord(av), 0) }
