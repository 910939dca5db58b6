package mmap

import (
	"errors"
	"strings"
	"testing"
)

// TestReserveBelow fills the room below 4 GiB with reservations. Oracle: each lies
// below the limit, apart from the others, and can be used; the end is an error.
func TestReserveBelow(t *testing.T) {
	const limit, size = 1 << 32, 512 << 20
	var got []*Region
	for {
		r, err := ReserveBelow(size, limit)
		if err != nil {
			if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "mmap: reserve 0x20000000 bytes below 0x100000000: ") {
				t.Errorf("the error of no more room: %v", err)
			}
			t.Logf("%d reservations of %d MiB, then: %v", len(got), size>>20, err)
			break
		}
		if base := uintptr(r.Base()); base%BaseAlign != 0 || base+r.Size() > limit || r.Size() != size {
			t.Fatalf("base %#x, size %#x", base, r.Size())
		}
		must(t, r.Commit(0, PageSize))
		must(t, r.Commit(size-PageSize, PageSize))
		b := r.bytes(0, size)
		b[0], b[size-1] = 1, 2
		got = append(got, r)
		if len(got) > limit/size {
			t.Fatal("more reservations than fit")
		}
	}
	for _, r := range got {
		if b := r.bytes(0, size); b[0] != 1 || b[size-1] != 2 {
			t.Error("two reservations share memory")
		}
		must(t, r.Retire())
	}
	for _, size := range []uintptr{0, limit + 1, ^uintptr(0)} {
		if _, err := ReserveBelow(size, limit); err == nil {
			t.Errorf("%#x bytes below %#x: no error", size, uintptr(limit))
		}
	}
}
