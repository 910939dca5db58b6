// What the cgroup leaves a heap that was given no limit. Read once, by NewHeap.

package kmem

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// NoLimit as [HeapOptions].Limit is no limit but the reservation, whatever the
// cgroup says.
const NoLimit = ^uintptr(0)

// cgroupShare is what a heap leaves of the cgroup's limit for everything else in
// the process: an eighth.
const cgroupShare = 8

// defaultLimit is the limit in bytes of a heap that was given none; 0 is none.
func defaultLimit(root fs.FS) uintptr {
	limit, ok := cgroupLimit(root)
	if !ok {
		return 0
	}
	return uintptr(limit - limit/cgroupShare)
}

// systemRoot is where [cgroupLimit] reads on a running system.
func systemRoot() fs.FS { return os.DirFS("/") }

// cgroupLimit returns the memory limit in bytes of the caller's cgroup, the
// least of its own and those of the groups around it, version 2 or 1. What
// cannot be read or understood is no limit.
func cgroupLimit(root fs.FS) (limit uint64, ok bool) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0, false
	}
	for _, v := range []struct {
		version    int
		file, none string
	}{{2, "memory.max", "max"}, {1, "memory.limit_in_bytes", ""}} {
		group, found := ownGroup(groups, v.version)
		if !found {
			continue
		}
		for _, m := range cgroupMounts(mounts, v.version) {
			if n, found := leastAbove(root, m.at, m.below(group), v.file, v.none); found && (!ok || n < limit) {
				limit, ok = n, true
			}
		}
	}
	return limit, ok
}

// ownGroup finds the path of the caller's group in /proc/self/cgroup: lines of
// number, controllers and path with colons between, version 2 without
// controllers.
func ownGroup(text []byte, version int) (group string, found bool) {
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		if version == 2 && f[0] == "0" && f[1] == "" || version == 1 && hasWord(f[1], "memory") {
			return f[2], true
		}
	}
	return "", false
}

// cgroupMount is where a hierarchy of groups can be read, from which group down.
type cgroupMount struct{ top, at string }

// cgroupMounts finds the mounts of a version's hierarchy in mountinfo: fields 4
// and 5 are the group at the mount's root and the mount point; behind a lone
// dash come the type, the source, and options that name the controllers.
func cgroupMounts(text []byte, version int) (mounts []cgroupMount) {
	for line := range strings.Lines(string(text)) {
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(g) < 3 {
			continue
		}
		if version == 2 && g[0] == "cgroup2" || version == 1 && g[0] == "cgroup" && hasWord(g[2], "memory") {
			mounts = append(mounts, cgroupMount{unescape(f[3]), unescape(f[4])})
		}
	}
	return mounts
}

// below turns a group's path into one below the mount point. A group outside the
// mount, as a container may see its own, is taken for the mount's root.
func (m cgroupMount) below(group string) string {
	rel, inside := strings.CutPrefix(path.Clean(group), strings.TrimSuffix(m.top, "/"))
	if !inside || rel != "" && rel[0] != '/' || strings.HasPrefix(group, "/..") {
		return "/"
	}
	return path.Clean("/" + rel)
}

// leastAbove reads a file of the group and of all groups around it, and returns
// the least number.
func leastAbove(root fs.FS, mount, group, file, none string) (least uint64, found bool) {
	for ; ; group = path.Dir(group) {
		text, err := fs.ReadFile(root, strings.TrimPrefix(path.Join(mount, group, file), "/"))
		word := strings.TrimSpace(string(text))
		if n, bad := strconv.ParseUint(word, 10, 64); err == nil && word != none && bad == nil && n < unlimited && (!found || n < least) {
			least, found = n, true
		}
		if group == "/" {
			return least, found
		}
	}
}

// unlimited is above any real limit: version 1 writes no limit as the greatest
// number of pages.
const unlimited = 1 << 60

func hasWord(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// unescape undoes mountinfo's \ooo for blanks and backslashes.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
