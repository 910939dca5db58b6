// A reference as a word and back, for the tagged mapping of a page. See page.go.

package rmap

import (
	"unsafe"

	"github.com/slabrcu/slabrcu/kmem"
)

// A reference is one word, and an anon_vma stands at an even offset, so that the
// lowest bit is free for the tag. Each line fails to compile when that does not
// hold.
const (
	_ = uint(unsafe.Sizeof(kmem.Ref[AnonVMA]{}) - 8)
	_ = uint(8 - unsafe.Sizeof(kmem.Ref[AnonVMA]{}))
	_ = uint(unsafe.Alignof(AnonVMA{}) - 2)
)

// refWord returns the reference as a number.
func refWord(r kmem.Ref[AnonVMA]) uint64 { return *(*uint64)(unsafe.Pointer(&r)) }

// wordRef is its inverse.
func wordRef(w uint64) kmem.Ref[AnonVMA] { return *(*kmem.Ref[AnonVMA])(unsafe.Pointer(&w)) }
