//go:build !race

package mmap

import (
	"runtime"
	"testing"
)

// TestGuard: a guarded page faults and its neighbours do not; memory is given
// back and reads 0 afterwards. Both ways, where the system has two.
func TestGuard(t *testing.T) {
	for name, ways := range map[string]struct {
		guard, unguard func(r *Region, off, n uintptr) error
	}{
		"as the system has it": {(*Region).Guard, (*Region).Unguard},
		"by protection":        {(*Region).protectGuard, (*Region).sysCommit},
	} {
		t.Run(name, func(t *testing.T) {
			r := region(t, 1<<20)
			must(t, r.Commit(0, 8*sysPage))
			b := r.bytes(0, r.Size())
			for i := range 8 * sysPage {
				b[i] = 1
			}
			must(t, ways.guard(r, 2*sysPage, sysPage))
			for i := range uintptr(8) {
				if got := faults(b[i*sysPage:]); got != (i == 2) {
					t.Errorf("page %d faults: %v", i, got)
				}
			}
			must(t, ways.unguard(r, 0, 4*sysPage))
			if faults(b[2*sysPage:]) {
				t.Fatal("the page faults after Unguard")
			}
			if b[2*sysPage] != 0 || b[sysPage] != 1 || b[3*sysPage] != 1 {
				t.Error("want 0 where there was a guard and the old contents beside it")
			}
		})
	}
}

// TestGuardsSplitNothing: alternate guarded pages cost no mapping where the
// system has markers.
func TestGuardsSplitNothing(t *testing.T) {
	if runtime.GOOS != "linux" || !GuardsAreCheap() {
		t.Skip("this system has no guard markers")
	}
	r := region(t, 1000*sysPage)
	must(t, r.Commit(0, r.Size()))
	before := mappings(t)
	for off := uintptr(0); off < r.Size(); off += 2 * sysPage {
		must(t, r.Guard(off, sysPage))
	}
	if n := mappings(t) - before; n > 20 {
		t.Errorf("500 guards made %d mappings", n)
	}
	must(t, r.Discard(0, r.Size()))
	if !faults(r.bytes(0, 1)) {
		t.Error("a Discard took a guard away")
	}
}
