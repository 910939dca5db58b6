// What the machine is, asked once: CPUID first, then the system (sysfs.go).

package smp

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/klauspost/cpuid/v2"
)

// Info describes the machine. A number is 0 and a string empty when neither the
// processor nor the system tells.
type Info struct {
	Vendor, Model  string
	Cores, Threads int // online physical cores, hardware threads
	CacheLine      int // bytes
	L1D, L2, L3    int // bytes, as one core sees them
	VM             bool
	Hypervisor     string // its name, when VM
}

// Topology returns what the machine is. The first call costs some 100 µs, the
// others nothing. Any goroutine may call it.
func Topology() Info { return topology() }

var topology = sync.OnceValue(func() Info {
	info := fromProcessor(&cpuid.CPU)
	if runtime.GOOS == "linux" {
		info.fillFromSys(os.DirFS("/sys"))
	}
	if info.Threads == 0 {
		info.Threads = runtime.NumCPU()
	}
	if info.Cores == 0 {
		info.Cores = info.Threads
	}
	return info
})

// fromProcessor takes what CPUID, or its like on arm64, has told. It answers
// -1 for a cache size it does not know.
func fromProcessor(c *cpuid.CPUInfo) Info {
	info := Info{
		Vendor:    c.VendorString,
		Model:     strings.TrimSpace(c.BrandName),
		Cores:     c.PhysicalCores,
		Threads:   c.LogicalCores,
		CacheLine: c.CacheLine,
		L1D:       max(c.Cache.L1D, 0),
		L2:        max(c.Cache.L2, 0),
		L3:        max(c.Cache.L3, 0),
		VM:        c.Supports(cpuid.HYPERVISOR),
	}
	if info.Vendor == "" && c.VendorID != cpuid.VendorUnknown {
		info.Vendor = c.VendorID.String()
	}
	if info.VM {
		info.Hypervisor = c.HypervisorVendorString
		if c.HypervisorVendorID != cpuid.VendorUnknown {
			info.Hypervisor = c.HypervisorVendorID.String()
		}
	}
	return info
}

// String is one line for people: "AMD EPYC, 2 cores, 2 threads, ...".
func (i Info) String() string {
	model := i.Model
	if model == "" {
		model = strings.TrimSpace(i.Vendor + " processor")
	}
	s := fmt.Sprintf("%s, %d cores, %d threads, line %s, L1d %s, L2 %s, L3 %s", model,
		i.Cores, i.Threads, bytesText(i.CacheLine), bytesText(i.L1D), bytesText(i.L2), bytesText(i.L3))
	if !i.VM {
		return s
	}
	return strings.TrimSpace(s + ", virtual machine " + i.Hypervisor)
}

func bytesText(n int) string {
	switch {
	case n <= 0:
		return "unknown"
	case n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
