// The environment that results are measured in: the configuration lines at the
// head of a benchmark file.
//
// See doc.go for an overview.

package bench

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/slabrcu/slabrcu/smp"
	"github.com/slabrcu/slabrcu/urcu"
)

// commit is set by the linker: -X github.com/slabrcu/slabrcu/bench.commit=...
var commit string

const unknown = "unknown"

// Environment returns the configuration that every result stands under. The
// cores are those that this process may use.
func Environment(layout string) []Key {
	top := smp.Topology()
	env := []Key{
		{"go", runtime.Version()},
		{"goos", runtime.GOOS},
		{"goarch", runtime.GOARCH},
		{"kernel", kernelRelease()},
		{"cpu", orUnknown(top.Model)},
		{"cores", strconv.Itoa(runtime.NumCPU())},
		{"vm", virtual(top)},
		{"gomaxprocs", strconv.Itoa(runtime.GOMAXPROCS(0))},
		{"gogc", gogc()},
		{"commit", Commit()},
		{"flavor", urcu.Default().Flavor().String()},
	}
	if layout != "" {
		env = append(env, Key{"layout", layout})
	}
	if raceEnabled {
		env = append(env, Key{"race", "true"})
	}
	return env
}

// virtual names the hypervisor, or says no.
func virtual(top smp.Info) string {
	switch {
	case !top.VM:
		return "no"
	case top.Hypervisor != "":
		return top.Hypervisor
	}
	return "yes"
}

// Commit returns the revision that the program was built from: what the linker
// was told, else what the go command recorded, else what git says of the
// working directory when that is this module's.
func Commit() string {
	if commit != "" {
		return commit
	}
	if rev := recordedRevision(); rev != "" {
		return rev
	}
	return orUnknown(gitRevision())
}

// recordedRevision reads the go command's stamp.
func recordedRevision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var rev, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			rev = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if rev == "" {
		return ""
	}
	return rev[:min(len(rev), 12)] + dirty
}

// gitRevision asks git, but only inside this module's own tree: the commit of
// some other project would be worse than none.
func gitRevision() string {
	root, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return ""
	}
	mod, err := os.ReadFile(strings.TrimSpace(string(root)) + "/go.mod")
	if err != nil || !bytes.HasPrefix(mod, []byte("module "+modulePath()+"\n")) {
		return ""
	}
	rev, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(rev))
}

// modulePath returns the path of this module, whatever its owner renamed it to.
func modulePath() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Path
	}
	return unknown
}

// kernelRelease returns what uname -r prints.
func kernelRelease() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return unknown
	}
	return orUnknown(strings.TrimSpace(string(b)))
}

// gogc returns the collector's setting without changing it for longer than it
// takes to read it.
func gogc() string {
	n := debug.SetGCPercent(100)
	debug.SetGCPercent(n)
	if n < 0 {
		return "off"
	}
	return strconv.Itoa(n)
}

func orUnknown(s string) string {
	if s == "" {
		return unknown
	}
	return s
}
