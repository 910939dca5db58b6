// The torture, and its negative control in a child process. Evidence is printed
// also when all is well.

package rmap

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

// tortureTime is how long a torture takes in the lanes of every day.
const tortureTime = 1500 * time.Millisecond

// timeEnv is a duration that replaces those of tests that look for rare things:
// for a long torture, and for mutants.
const timeEnv = "RMAP_TORTURE"

func testTime(otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(timeEnv)); err == nil {
		return d
	}
	return otherwise
}

// findings collects what a torture finds.
type findings struct {
	mu    sync.Mutex
	n     map[Oracle]int
	first map[Oracle]string
}

func (f *findings) add(o Oracle, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == nil {
		f.n, f.first = map[Oracle]int{}, map[Oracle]string{}
	}
	if f.n[o]++; f.n[o] == 1 {
		f.first[o] = what
	}
}

func (f *findings) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for _, o := range append(Oracles(), hang) {
		if f.n[o] > 0 {
			fmt.Fprintf(&b, "oracle %s: %d times, first: %s\n", o, f.n[o], f.first[o])
		}
	}
	return b.String()
}

// hang is what it is called when workers have not come to an end hangAfter.
const (
	hang      Oracle = "hang"
	hangAfter        = 5 * time.Second
)

// torture runs a torture on a heap and returns what it found and its evidence.
func torture(t *testing.T, d time.Duration, o TortureOptions) (found *findings, evidence string) {
	t.Helper()
	found = new(findings)
	o.Found = found.add
	if raceEnabled {
		o.Burst, o.Readers = 100, 2
	}
	tt, err := NewTorture(o)
	must(t, err)
	stop := time.Now().Add(d)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tt.Run(func() bool { return time.Now().Before(stop) })
	}()
	select {
	case <-ended:
	case <-time.After(d + hangAfter):
		found.add(hang, "workers do not come to an end")
	}
	var b strings.Builder
	for _, c := range tt.Counts() {
		fmt.Fprintf(&b, "%12d %s\n", c.N, c.Name)
	}
	return found, b.String()
}

// TestTorture: readers at full speed, and nothing that must not be.
func TestTorture(t *testing.T) {
	eachRoad(t, func(t *testing.T, impl Impl) {
		h, closeHeap := newTestHeap(t)
		flags := kmem.Flags(0)
		if impl == SlabRCU {
			flags = kmem.DestroyByRCU
		}
		found, evidence := torture(t, testTime(tortureTime), TortureOptions{Heap: h, Flags: flags, Impl: impl})
		t.Logf("evidence:\n%s", evidence)
		if s := found.String(); s != "" {
			t.Fatalf("found what must not be:\n%s", s)
		}
		closeHeap()
	})
}

// inChild is set in the process of a negative control.
const inChild = "RMAP_TORTURE_WITHOUT_FLAG"

// TestTortureWithoutFlag: the same without DestroyByRCU, in a child process, must
// find something or die. Most do within a second. One in twenty settles down with all its
// anon_vmas in array caches, and hardly a slab ends in it: so there are tries, as for a
// mutant.
func TestTortureWithoutFlag(t *testing.T) {
	if os.Getenv(inChild) != "" {
		h, _ := newTestHeap(t)
		found, evidence := torture(t, 4*time.Second, TortureOptions{Heap: h})
		fmt.Printf("%s%s", evidence, found)
		if found.String() != "" {
			os.Exit(3)
		}
		os.Exit(0)
	}
	if raceEnabled {
		t.Skip("the plain lane runs the control: here the detector slows the readers so much that the window may not open for seconds")
	}
	for range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTortureWithoutFlag$")
		cmd.Env = append(os.Environ(), inChild+"=1")
		start := time.Now()
		out, err := cmd.CombinedOutput()
		t.Logf("after %.1f s: %v\n%.2000s", time.Since(start).Seconds(), err, out)
		if err != nil {
			return
		}
	}
	t.Error("without the flag nothing was found")
}
