package compat

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"github.com/prometheus/procfs"

	"github.com/slabrcu/slabrcu/kmem"
)

// fill makes a heap with caches of which the tests know what they hold: live
// objects, slabs that are full, partial and free, and a name longer than its
// column.
func fill(t *testing.T) *kmem.Heap {
	t.Helper()
	h, err := kmem.NewHeap(kmem.HeapOptions{Reserve: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var done []func()
	for _, c := range []struct {
		name          string
		size, n, gone int
	}{
		{"anon_vma", 24, 1000, 0},
		{"a_name_of_more_than_17_characters", 64, 500, 400},
		{"big", 16384, 5, 0},
		{"empty", 200, 0, 0},
	} {
		cache, err := h.NewCache(c.name, c.size, kmem.CacheOptions{})
		if err != nil {
			t.Fatal(err)
		}
		live := make([]kmem.Pointer, c.n)
		if err := cache.AllocBulk(live); err != nil {
			t.Fatal(err)
		}
		cache.FreeBulk(live[:c.gone])
		done = append(done, func() {
			cache.FreeBulk(live[c.gone:])
			if err := cache.Destroy(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		for _, f := range done {
			f()
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// write puts the heap's slabinfo into a file of a new folder.
func write(t *testing.T, h *kmem.Heap) (dir string) {
	t.Helper()
	dir = t.TempDir()
	f, err := os.Create(filepath.Join(dir, "slabinfo"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.WriteSlabinfo(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestProcfs: prometheus/procfs reads every number where it stands.
func TestProcfs(t *testing.T) {
	h := fill(t)
	fs, err := procfs.NewFS(write(t, h))
	if err != nil {
		t.Fatal(err)
	}
	info, err := fs.SlabInfo()
	if err != nil {
		t.Fatal(err)
	}
	caches := h.Caches()
	if len(info.Slabs) != len(caches) {
		t.Fatalf("%d lines for %d caches", len(info.Slabs), len(caches))
	}
	for i, got := range info.Slabs {
		s, g := caches[i].Stats(), caches[i].Geometry()
		want := procfs.Slab{
			Name: s.Name, ObjActive: int64(s.Active + s.Shared), ObjNum: int64(s.Objects), ObjSize: int64(s.ObjSize),
			ObjPerSlab: int64(s.ObjPerSlab), PagesPerSlab: int64(s.PagesPerSlab),
			Limit: int64(g.Limit), Batch: int64(g.Batch), SharedFactor: int64(g.SharedFactor),
			SlabActive: int64(s.SlabsFull + s.SlabsPartial), SlabNum: int64(s.Slabs), SharedAvail: int64(s.Shared),
		}
		if *got != want {
			t.Errorf("read %+v\nwant %+v", *got, want)
		}
	}
}

// TestSlabtop: the system's slabtop shows our caches where it expects the
// kernel's, in a mount namespace of its own.
func TestSlabtop(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("a bind mount over /proc/slabinfo needs Linux and root")
	}
	for _, tool := range []string{"unshare", "mount", "slabtop"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%v: it is in the packages util-linux and procps", err)
		}
	}
	if _, err := os.Stat("/proc/slabinfo"); err != nil {
		t.Skipf("nothing to mount over: %v", err)
	}
	h := fill(t)
	file := filepath.Join(write(t, h), "slabinfo")
	const script = `mount --bind "$1" /proc/slabinfo || exit 9; exec slabtop -o -s a`
	out, err := exec.Command("unshare", "--mount", "sh", "-c", script, "sh", file).CombinedOutput()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && (exit.ExitCode() == 9 || len(out) == 0) {
		t.Skipf("mounting is not allowed here: %v\n%s", err, out)
	}
	if err != nil {
		t.Fatalf("slabtop: %v\n%s", err, out)
	}
	for _, c := range h.Caches() {
		s := c.Stats()
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^ *(\d+) +(\d+) +\d+%% +\S+ +(\d+) +(\d+) +\S+ +%s *$`, regexp.QuoteMeta(s.Name)))
		got := row.FindSubmatch(out)
		if got == nil {
			t.Errorf("no row of %s in\n%s", s.Name, out)
			continue
		}
		for i, want := range []int{s.Objects, s.Active + s.Shared, s.Slabs, s.ObjPerSlab} {
			if n, _ := strconv.Atoi(string(got[i+1])); n != want {
				t.Errorf("%s: column %d reads %d, want %d: %s", s.Name, i, n, want, got[0])
			}
		}
	}
}
