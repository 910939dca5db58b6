//go:build !race

package mmap

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// faults reports whether reading b[0] faults.
func faults(b []byte) (hit bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { hit = recover() != nil }()
	sink = b[0]
	return false
}

var sink byte

func TestFaults(t *testing.T) {
	r := region(t, 1<<20)
	b := r.bytes(0, r.Size())
	if !faults(b) {
		t.Error("a reserved page can be read before its Commit")
	}
	must(t, r.Commit(0, 2*sysPage))
	if faults(b) {
		t.Error("a committed page faults")
	}
	if !faults(b[2*sysPage:]) {
		t.Error("the page behind the committed range can be read")
	}
	must(t, r.Protect(0, sysPage))
	if !faults(b) || faults(b[sysPage:]) {
		t.Error("Protect of one page: want a fault there and none behind it")
	}
	must(t, r.Retire())
	for off := uintptr(0); off < r.Size(); off += sysPage {
		if !faults(b[off:]) {
			t.Fatalf("a retired page can be read at %#x", off)
		}
	}
}

// TestAgainstModel runs random steps against one state per page.
// Oracle: a page faults exactly when the model says so, else reads the model's byte.
func TestAgainstModel(t *testing.T) {
	const pages = 16
	type page struct {
		open bool
		byte byte
	}
	rapid.Check(t, func(t *rapid.T) {
		r, err := Reserve(pages * sysPage)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Retire()
		var model [pages]page
		span := func(t *rapid.T) (off, n int) {
			off = rapid.IntRange(0, pages).Draw(t, "page")
			return off, rapid.IntRange(0, pages-off).Draw(t, "pages")
		}
		step := func(do func(off, n uintptr) error, then func(*page)) func(*rapid.T) {
			return func(t *rapid.T) {
				off, n := span(t)
				if err := do(uintptr(off)*sysPage, uintptr(n)*sysPage); err != nil {
					t.Fatal(err)
				}
				for i := off; i < off+n; i++ {
					then(&model[i])
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"commit":  step(r.Commit, func(p *page) { p.open = true }),
			"protect": step(r.Protect, func(p *page) { p.open = false }),
			"discard": func(t *rapid.T) {
				i := rapid.IntRange(0, pages-1).Draw(t, "page")
				if !model[i].open {
					t.Skip("only committed pages are discarded")
				}
				if err := r.Discard(uintptr(i)*sysPage, sysPage); err != nil {
					t.Fatal(err)
				}
				model[i].byte = 0
			},
			"write": func(t *rapid.T) {
				i := rapid.IntRange(0, pages-1).Draw(t, "page")
				if !model[i].open {
					t.Skip("closed")
				}
				model[i].byte = rapid.Byte().Draw(t, "byte")
				r.bytes(uintptr(i)*sysPage, 1)[0] = model[i].byte
			},
			"": func(t *rapid.T) {
				for i, p := range model {
					b := r.bytes(uintptr(i)*sysPage, 1)
					if f := faults(b); f == p.open {
						t.Fatalf("page %d: faults %v, model %+v", i, f, p)
					}
					if p.open && b[0] != p.byte {
						t.Fatalf("page %d reads %d, model %+v", i, b[0], p)
					}
				}
			},
		})
	})
}

// TestRetireLeavesOneMapping: whatever a region's life split, Retire joins, so
// that spent regions do not use up the process's mappings.
func TestRetireLeavesOneMapping(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc/self/maps")
	}
	before := mappings(t)
	for range 20 {
		r := region(t, 1<<20)
		for off := uintptr(0); off < r.Size(); off += 2 * sysPage {
			must(t, r.Commit(off, sysPage))
			r.bytes(off, 1)[0] = 1
		}
		must(t, r.Retire())
	}
	if grown := mappings(t) - before; grown > 60 {
		t.Errorf("20 retired regions left %d mappings", grown)
	}
}

func mappings(t *testing.T) int {
	b, err := os.ReadFile("/proc/self/maps")
	must(t, err)
	return bytes.Count(b, []byte("\n"))
}

// TestAdviseIsSeen: the kernel lists the wish among the flags of the mapping.
func TestAdviseIsSeen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc/self/smaps")
	}
	r := region(t, 3*BaseAlign)
	must(t, r.Commit(0, r.Size()))
	must(t, r.Advise(0, r.Size(), HugeSystem))
	for i, huge := range []HugePages{HugeAlways, HugeNever} {
		err := r.Advise(uintptr(i)*BaseAlign, BaseAlign, huge)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skipf("no huge pages here: %v", err)
		}
		must(t, err)
	}
	flags := vmFlags(t, r)
	if len(flags) != 3 || !strings.Contains(flags[0], " hg") || !strings.Contains(flags[1], " nh") || strings.Contains(flags[2], " hg") {
		t.Errorf("flags of the mappings: %q", flags)
	}
}

// vmFlags returns the kernel's flags of each mapping of a region.
func vmFlags(t *testing.T, r *Region) (flags []string) {
	b, err := os.ReadFile("/proc/self/smaps")
	must(t, err)
	lo, hi := uint64(uintptr(r.Base())), uint64(uintptr(r.Base())+r.Size())
	inside := false
	for line := range strings.Lines(string(b)) {
		var from, to uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from >= lo && to <= hi
		}
		if inside && strings.HasPrefix(line, "VmFlags:") {
			flags = append(flags, line)
		}
	}
	return flags
}

// TestCommitFails runs itself in a child whose RLIMIT_DATA is small: the limit
// cannot be taken back, and Go's own heap needs it too.
func TestCommitFails(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("mprotect counts against RLIMIT_DATA on linux")
	}
	const child = "SLABRCU_MMAP_CHILD"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCommitFails$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "refused:") {
			t.Fatalf("child: %v\n%s", err, out)
		}
		return
	}
	r := region(t, 8<<30)
	must(t, r.Commit(0, 1<<20))
	r.bytes(0, 1)[0] = 42
	must(t, unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: 1 << 30, Max: 1 << 30}))
	err := r.Commit(0, 4<<30)
	if err == nil || !strings.Contains(err.Error(), "mmap: commit 0x100000000 bytes at 0x") {
		t.Fatalf("Commit above the limit: %v", err)
	}
	t.Logf("refused: %v", err)
	if r.bytes(0, 1)[0] != 42 || !faults(r.bytes(2<<30, 1)) {
		t.Error("the refused Commit changed the region")
	}
	must(t, r.Commit(0, 2<<20))
}
