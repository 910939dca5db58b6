// What linux tells of the machine under /sys, for all that the processor, or
// the virtual machine around it, keeps to itself. See topology.go.

package smp

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

const cpuDir = "devices/system/cpu"

// fillFromSys fills what is still unknown. Counts are taken from here whenever
// they are here, since CPUID counts one package only.
func (i *Info) fillFromSys(sys fs.FS) {
	if n := countList(read(sys, cpuDir, "online")); n > 0 {
		i.Threads = n
	}
	if n := countCores(sys); n > 0 {
		i.Cores = n
	}
	i.fillCaches(sys)
	if i.Model == "" {
		i.Model = read(sys, "firmware/devicetree/base/model")
	}
	if !i.VM {
		i.Hypervisor = hypervisor(sys)
		i.VM = i.Hypervisor != ""
	}
}

// countCores counts the distinct sets of threads that share a core.
func countCores(sys fs.FS) int {
	cores := map[string]bool{}
	for _, file := range []string{"core_cpus_list", "thread_siblings_list"} { // since 5.1, before
		names, _ := fs.Glob(sys, path.Join(cpuDir, "cpu[0-9]*", "topology", file))
		for _, name := range names {
			cores[read(sys, name)] = true
		}
		if len(cores) > 0 {
			break
		}
	}
	delete(cores, "")
	return len(cores)
}

func (i *Info) fillCaches(sys fs.FS) {
	dirs, _ := fs.Glob(sys, path.Join(cpuDir, "cpu0/cache/index[0-9]*"))
	for _, dir := range dirs {
		if read(sys, dir, "type") == "Instruction" {
			continue
		}
		size := map[string]*int{"1": &i.L1D, "2": &i.L2, "3": &i.L3}[read(sys, dir, "level")]
		if size != nil && *size == 0 {
			*size = parseSize(read(sys, dir, "size"))
		}
		if i.CacheLine == 0 {
			i.CacheLine = parseSize(read(sys, dir, "coherency_line_size"))
		}
	}
}

// hypervisor names the hypervisor by the firmware's tables, or is empty.
func hypervisor(sys fs.FS) string {
	if s := read(sys, "hypervisor/type"); s != "" {
		return s
	}
	board := read(sys, "class/dmi/id/sys_vendor") + " " + read(sys, "class/dmi/id/product_name")
	if strings.HasSuffix(board, ".metal") { // a cloud's bare machine
		return ""
	}
	for _, name := range []string{"QEMU", "KVM", "VMware", "Amazon EC2", "Google Compute Engine",
		"Virtual Machine", "VirtualBox", "Xen", "Parallels", "Apple Virtualization"} {
		if strings.Contains(board, name) {
			return name
		}
	}
	return ""
}

// read returns a small file without its line end, empty when there is none. The
// device tree ends its strings with a 0.
func read(sys fs.FS, elem ...string) string {
	b, _ := fs.ReadFile(sys, path.Join(elem...))
	return strings.TrimRight(strings.TrimSpace(string(b)), "\x00")
}

// countList counts the members of a list like "0-3,8", 0 when it is none.
func countList(s string) (n int) {
	for part := range strings.SplitSeq(s, ",") {
		lo, hi, isRange := strings.Cut(part, "-")
		if !isRange {
			hi = lo
		}
		first, err1 := strconv.Atoi(lo)
		last, err2 := strconv.Atoi(hi)
		if err1 != nil || err2 != nil || last < first {
			return 0
		}
		n += last - first + 1
	}
	return n
}

// parseSize reads "48K", "1024", "32M" as bytes, 0 when it is none of these.
func parseSize(s string) int {
	unit := 1
	switch {
	case strings.HasSuffix(s, "K"):
		unit = 1 << 10
	case strings.HasSuffix(s, "M"):
		unit = 1 << 20
	}
	n, err := strconv.Atoi(strings.TrimRight(s, "KM"))
	if err != nil || n < 0 {
		return 0
	}
	return n * unit
}
