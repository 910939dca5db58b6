package kmem

import (
	"testing"
	"testing/fstest"
)

const (
	mountV2     = "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
	mountV1     = "36 31 0:32 / /sys/fs/cgroup/memory rw shared:11 - cgroup cgroup rw,memory\n37 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	mountDocker = "900 880 0:32 /docker/abc /sys/fs/cgroup/memory ro,nosuid master:11 - cgroup cgroup rw,memory\n"
	mountBlanks = "31 23 0:28 / /mnt/my\\040groups rw - cgroup2 none rw\n"
	noLimitV1   = "9223372036854771712\n"
)

// TestCgroupLimit: the limits of made-up systems.
func TestCgroupLimit(t *testing.T) {
	for _, c := range []struct {
		name, groups, mounts string
		files                map[string]string
		want                 uint64
		ok                   bool
	}{
		{"no cgroups", "", "", nil, 0, false},
		{"version 2", "0::/a/b\n", mountV2, map[string]string{"sys/fs/cgroup/a/b/memory.max": "1000\n"}, 1000, true},
		{"version 2, no limit", "0::/a\n", mountV2, map[string]string{"sys/fs/cgroup/a/memory.max": "max\n"}, 0, false},
		{"version 2, a parent's", "0::/a/b/c\n", mountV2, map[string]string{
			"sys/fs/cgroup/a/memory.max": "500\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/c/memory.max": "800\n"}, 500, true},
		{"version 2, a child's", "0::/a/b\n", mountV2, map[string]string{
			"sys/fs/cgroup/a/memory.max": "800\n", "sys/fs/cgroup/a/b/memory.max": "500\n"}, 500, true},
		{"version 2, at the root of a namespace", "0::/\n", mountV2, map[string]string{"sys/fs/cgroup/memory.max": "77\n"}, 77, true},
		{"version 2, outside the namespace", "0::/../other\n", mountV2, map[string]string{
			"sys/fs/cgroup/memory.max": "77\n", "sys/fs/other/memory.max": "1\n"}, 77, true},
		{"blanks in the mount point", "0::/a\n", mountBlanks, map[string]string{"mnt/my groups/a/memory.max": "9\n"}, 9, true},
		{"version 1", "5:cpu:/x\n4:memory:/a\n", mountV1, map[string]string{"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n"}, 4096, true},
		{"version 1, with others", "4:hugetlb,memory:/a\n", mountV1, map[string]string{"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096\n"}, 4096, true},
		{"version 1, no limit", "4:memory:/a\n", mountV1, map[string]string{"sys/fs/cgroup/memory/a/memory.limit_in_bytes": noLimitV1}, 0, false},
		{"version 1, a parent's", "4:memory:/a/b\n", mountV1, map[string]string{
			"sys/fs/cgroup/memory/a/b/memory.limit_in_bytes": noLimitV1, "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "64\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": noLimitV1}, 64, true},
		{"version 1, in a container", "4:memory:/docker/abc\n", mountDocker, map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "123\n"}, 123, true},
		{"version 1, a group in a container", "4:memory:/docker/abc/x\n", mountDocker, map[string]string{"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "12\n"}, 12, true},
		{"version 1, another container's", "4:memory:/docker/abcd\n", mountDocker, map[string]string{
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "5\n", "sys/fs/cgroup/memory/d/memory.limit_in_bytes": "1\n"}, 5, true},
		{"both, memory in version 1", "4:memory:/a\n0::/\n", mountV2 + mountV1, map[string]string{"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "31\n"}, 31, true},
		{"garbage", "0::/a\nx\n1:2\n", "short line\n - \n" + mountV2, map[string]string{"sys/fs/cgroup/a/memory.max": "-1\n"}, 0, false},
		{"not mounted", "0::/a\n", mountV1, map[string]string{"sys/fs/cgroup/a/memory.max": "1\n"}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := fstest.MapFS{
				"proc/self/cgroup":    {Data: []byte(c.groups)},
				"proc/self/mountinfo": {Data: []byte(c.mounts)},
			}
			for name, text := range c.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			limit, ok := cgroupLimit(root)
			if limit != c.want || ok != c.ok {
				t.Errorf("limit %d, %v; want %d, %v", limit, ok, c.want, c.ok)
			}
			if got, want := defaultLimit(root), uintptr(c.want-c.want/8); got != want {
				t.Errorf("a heap gets %d, want %d", got, want)
			}
		})
	}
	if limit, ok := cgroupLimit(fstest.MapFS{}); ok {
		t.Errorf("nothing to read: %d", limit)
	}
}

// TestDefaultLimit: a heap that was told nothing has the limit of this system's
// cgroup, and one that was told NoLimit has none.
func TestDefaultLimit(t *testing.T) {
	for _, c := range []struct {
		limit, want uintptr
	}{{0, defaultLimit(systemRoot())}, {NoLimit, 0}, {64 << 20, 64 << 20}} {
		h := newTestHeap(t, HeapOptions{Limit: c.limit, Reserve: 1 << 30})
		want := int64(c.want)
		if c.want >= h.buddy.total<<pageShift {
			want = 0
		}
		if got := h.Stats().Limit; got != want>>pageShift<<pageShift {
			t.Errorf("Limit %d: limited to %d bytes, want %d", c.limit, got, want)
		}
	}
	t.Logf("this system leaves a heap %d bytes", defaultLimit(systemRoot()))
}
