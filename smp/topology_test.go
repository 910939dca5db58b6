package smp

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/cpuid/v2"
)

func TestTopologyHere(t *testing.T) {
	i := Topology()
	t.Log(i)
	if i.Cores < 1 || i.Threads < i.Cores {
		t.Errorf("%d cores, %d threads", i.Cores, i.Threads)
	}
	if i != Topology() {
		t.Error("a second call says something else")
	}
}

func TestFromProcessor(t *testing.T) {
	var c cpuid.CPUInfo
	c.BrandName, c.VendorString = " Fancy 9000 ", "GenuineFancy"
	c.PhysicalCores, c.LogicalCores, c.CacheLine = 4, 8, 64
	c.Cache.L1D, c.Cache.L2, c.Cache.L3 = 32<<10, 1<<20, -1
	got := fromProcessor(&c)
	want := Info{Vendor: "GenuineFancy", Model: "Fancy 9000", Cores: 4, Threads: 8,
		CacheLine: 64, L1D: 32 << 10, L2: 1 << 20}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	c.Enable(cpuid.HYPERVISOR)
	c.HypervisorVendorString = "OddOddOdd"
	if got := fromProcessor(&c); !got.VM || got.Hypervisor != "OddOddOdd" {
		t.Errorf("got %+v, want a virtual machine of OddOddOdd", got)
	}
	c.HypervisorVendorID = cpuid.KVM
	if got := fromProcessor(&c); got.Hypervisor != "KVM" {
		t.Errorf("hypervisor %q, want KVM", got.Hypervisor)
	}
}

// sys is a /sys from lines of "path: content".
func sys(lines string) fstest.MapFS {
	m := fstest.MapFS{}
	for line := range strings.Lines(lines) {
		name, content, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if ok {
			m[strings.Replace(name, "CPU", cpuDir, 1)] = &fstest.MapFile{Data: []byte(content + "\n")}
		}
	}
	return m
}

func TestFillFromSys(t *testing.T) {
	const twoByTwo = `
		CPU/online: 0-2,5
		CPU/cpu0/topology/core_cpus_list: 0,2
		CPU/cpu1/topology/core_cpus_list: 1,5
		CPU/cpu2/topology/core_cpus_list: 0,2
		CPU/cpu5/topology/core_cpus_list: 1,5
		CPU/cpu0/cache/index0/level: 1
		CPU/cpu0/cache/index0/type: Data
		CPU/cpu0/cache/index0/size: 48K
		CPU/cpu0/cache/index0/coherency_line_size: 64
		CPU/cpu0/cache/index1/level: 1
		CPU/cpu0/cache/index1/type: Instruction
		CPU/cpu0/cache/index1/size: 32K
		CPU/cpu0/cache/index2/level: 2
		CPU/cpu0/cache/index2/type: Unified
		CPU/cpu0/cache/index2/size: 1024K
		CPU/cpu0/cache/index3/level: 3
		CPU/cpu0/cache/index3/type: Unified
		CPU/cpu0/cache/index3/size: 32M`
	for _, c := range []struct {
		name      string
		sys       string
		had, want Info
	}{
		{"nothing there", "", Info{Cores: 3, L2: 7}, Info{Cores: 3, L2: 7}},
		{"all unknown", twoByTwo, Info{},
			Info{Cores: 2, Threads: 4, CacheLine: 64, L1D: 48 << 10, L2: 1 << 20, L3: 32 << 20}},
		{"the processor's sizes stay, its counts do not", twoByTwo,
			Info{Cores: 1, Threads: 1, CacheLine: 128, L1D: 1, L2: 2},
			Info{Cores: 2, Threads: 4, CacheLine: 128, L1D: 1, L2: 2, L3: 32 << 20}},
		{"an older kernel", `
			CPU/cpu0/topology/thread_siblings_list: 0
			CPU/cpu1/topology/thread_siblings_list: 1`, Info{}, Info{Cores: 2}},
		{"garbage", `
			CPU/online: many
			CPU/cpu0/cache/index0/level: 1
			CPU/cpu0/cache/index0/size: -4K`, Info{}, Info{}},
		{"a board", "firmware/devicetree/base/model: Raspberry\x00", Info{}, Info{Model: "Raspberry"}},
		{"xen", "hypervisor/type: xen", Info{}, Info{VM: true, Hypervisor: "xen"}},
		{"qemu on arm64", `
			class/dmi/id/sys_vendor: QEMU
			class/dmi/id/product_name: KVM Virtual Machine`, Info{}, Info{VM: true, Hypervisor: "QEMU"}},
		{"a cloud's bare machine", `
			class/dmi/id/sys_vendor: Amazon EC2
			class/dmi/id/product_name: c7g.metal`, Info{}, Info{}},
		{"the processor names the hypervisor", "hypervisor/type: xen",
			Info{VM: true, Hypervisor: "KVM"}, Info{VM: true, Hypervisor: "KVM"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.had
			got.fillFromSys(sys(c.sys))
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestInfoString(t *testing.T) {
	for _, c := range []struct {
		info Info
		want string
	}{
		{Info{Model: "AMD EPYC", Cores: 2, Threads: 4, CacheLine: 64, L1D: 48 << 10, L2: 1 << 20, VM: true, Hypervisor: "KVM"},
			"AMD EPYC, 2 cores, 4 threads, line 64 B, L1d 48 KiB, L2 1 MiB, L3 unknown, virtual machine KVM"},
		{Info{Vendor: "ARM", Cores: 1, Threads: 1},
			"ARM processor, 1 cores, 1 threads, line unknown, L1d unknown, L2 unknown, L3 unknown"},
	} {
		if got := c.info.String(); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}
