package smp

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mutant"
)

func TestMutants(t *testing.T) {
	mutant.Run(t, []mutant.Mutant{
		{
			Name: "a CPU keeps its number and loses its thread",
			File: "run.go", Old: "\truntime.LockOSThread()", New: "\truntime.LockOSThread()\n\truntime.UnlockOSThread()",
			Test: "^TestBound$|^TestThreadsDie$",
		},
		{
			Name: "a thread comes back bound",
			File: "bind_linux.go", Old: "now == b.one && unix.SchedSetaffinity(0, &b.may) == nil", New: "now == b.one",
			Test: "^TestThreadsComeBack$", Expect: "hardware CPUs after Run",
		},
		{
			Name: "a thread that was moved comes back",
			File: "bind_linux.go", Old: "now == b.one &&", New: "true &&",
			Test: "^TestThreadsDie$", Expect: "is still there",
		},
		{
			Name: "a thread is not bound",
			File: "bind_linux.go", Old: "b.one.Set(hardware)", New: "b.one = b.may",
			Test: "^TestBound$", Expect: "want hardware CPU",
		},
		{
			Name: "no P for anybody but the spinners",
			File: "registry.go", Old: "r.procs.raise(live + n + 1)", New: "r.procs.raise(live + n)",
			Test: "^TestGOMAXPROCS$", Expect: "inside: GOMAXPROCS",
		},
		{
			Name: "the first Run to end takes the Ps of all",
			File: "registry.go", Old: "r.live.Add(-1) == 0", New: "r.live.Add(-1) >= 0",
			Test: "^TestConcurrentRunsRestoreOnce$", Expect: "with another Run under way",
		},
		{
			Name: "a number has two owners",
			File: "registry.go", Old: "\t\t\tr.taken[id] = true\n", New: "",
			Test: "^TestNumbersAgainstModel$|^TestNestedRun",
		},
		{
			Name: "Goexit in a body passes for its end",
			File: "run.go", Old: "\t\t\tv = ErrGoexit\n", New: "\t\t\treturn\n",
			Test: "^TestGoexitDoesNotHang$", Expect: "want a \\*PanicError",
		},
		{
			Name: "a panic in CPUOffline keeps the rest from hearing it",
			File: "hotplug.go", Old: "\t\tdefer r.offline(c, subs[:last])\n\t\tr.notify(c, subs[last], subs[last].to.CPUOffline)",
			New:  "\t\tif r.notify(c, subs[last], subs[last].to.CPUOffline) {\n\t\t\tr.offline(c, subs[:last])\n\t\t}",
			Test: "^TestOfflineIsHeardWhateverHappens$", Expect: "heard",
		},
		{
			Name: "cancel does not wait",
			File: "hotplug.go", Old: "for s.underway > 0 {", New: "for false {",
			Test: "^TestCancelWaitsForNotifications$", Expect: "during a notification",
		},
		{
			// The caller's thread becomes a CPU's while the caller waits for mu.
			Name: "cancel asks for its thread too early",
			Edits: []mutant.Edit{
				{File: "hotplug.go", Old: "\tr.mu.Lock()\n\tdefer r.mu.Unlock()\n\ts.cancelled = true",
					New: "\tself := threadID()\n\tr.mu.Lock()\n\tdefer r.mu.Unlock()\n\ts.cancelled = true"},
				{File: "hotplug.go", Old: "\tif r.inside[threadID()] {\n\t\treturn\n\t}\n\tfor s.underway > 0 {",
					New: "\tfor s.underway > 0 && !r.inside[self] {"},
			},
			Test: "^TestSubscribersComeAndGo$", Expect: "after cancel: ",
		},
	})
}
