// The environment that all figures stand under. See main.go for an overview.

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/slabrcu/slabrcu/smp"
	"golang.org/x/perf/benchfmt"
)

// environment returns the configuration lines of the file: the machine, the
// commit, and the version of each peer. What cannot be found out is left out.
func environment(ctx context.Context, dir string, programs []*program) []benchfmt.Config {
	top := smp.Topology()
	var env []benchfmt.Config
	add := func(key, value string) {
		if value != "" {
			env = append(env, benchfmt.Config{Key: key, Value: []byte(value), File: true})
		}
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	add("go", runtime.Version())
	add("goos", runtime.GOOS)
	add("goarch", runtime.GOARCH)
	add("kernel", strings.TrimSpace(string(release)))
	add("cpu", top.Model)
	add("cores", strconv.Itoa(runtime.NumCPU()))
	add("vm", top.Hypervisor)
	add("commit", output(ctx, dir, "git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"))
	add("gcc", output(ctx, dir, "gcc", "-dumpfullversion"))
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "modernc.org/memory" {
				add("modernc-memory", m.Version)
			}
		}
	}
	seen := map[string]bool{"": true}
	for _, p := range programs {
		if p.missing == "" && !seen[p.library] {
			seen[p.library] = true
			add(p.library, output(ctx, dir, "dpkg-query", "-W", "-f", "${Version}", p.library))
		}
	}
	return env
}

// output returns what a command prints, or "".
func output(ctx context.Context, dir string, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = filepath.Clean(dir)
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
