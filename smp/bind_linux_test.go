package smp

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func mask(t *testing.T) (set unix.CPUSet) {
	t.Helper()
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Error(err)
	}
	return set
}

func TestBound(t *testing.T) {
	allowed := mask(t)
	meet := together(16)
	Run(16, func(c *CPU) {
		if err := c.AffinityError(); err != nil {
			t.Error(err)
		}
		if want := nth(&allowed, c.ID()); c.Hardware() != want {
			t.Errorf("CPU %d on hardware CPU %d, want %d", c.ID(), c.Hardware(), want)
		}
		if mine := mask(t); mine.Count() != 1 || !mine.IsSet(c.Hardware()) {
			t.Errorf("CPU %d may run on %d hardware CPUs, want hardware CPU %d alone", c.ID(), mine.Count(), c.Hardware())
		}
		meet() // goroutines that a body starts are not bound, nor are their threads
		var wg sync.WaitGroup
		wg.Go(func() {
			if got := mask(t); got != allowed {
				t.Errorf("a goroutine of CPU %d may run on %d hardware CPUs, want %d", c.ID(), got.Count(), allowed.Count())
			}
		})
		wg.Wait()
	})
	if got := mask(t); got != allowed {
		t.Errorf("the caller may run on %d hardware CPUs after Run, want %d", got.Count(), allowed.Count())
	}
}

func TestNth(t *testing.T) {
	var set unix.CPUSet
	for _, hw := range []int{3, 64, 1023} {
		set.Set(hw)
	}
	for n, want := range []int{3, 64, 1023, 3, 64, 1023, 3} {
		if got := nth(&set, n); got != want {
			t.Errorf("member %d of {3, 64, 1023}: %d, want %d", n, got, want)
		}
	}
}

// TestThreadsComeBack: a thread that was a CPU's goes back to the runtime, and may
// run where it could before. The goroutines are locked to find as many threads.
func TestThreadsComeBack(t *testing.T) {
	allowed := mask(t)
	was := threadsOf(t, 12, func() {})
	back := 0
	meet := together(24)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			meet()
			mu.Lock()
			defer mu.Unlock()
			if was[threadID()] {
				back++
			}
			if got := mask(t); got != allowed {
				t.Errorf("a thread may run on %d hardware CPUs after Run, want %d", got.Count(), allowed.Count())
			}
		})
	}
	wg.Wait()
	if back == 0 {
		t.Errorf("none of %d threads was met again", len(was))
	}
}

// threadsOf runs n CPUs and returns their threads.
func threadsOf(t *testing.T, n int, body func()) map[int]bool {
	t.Helper()
	var mu sync.Mutex
	threads := map[int]bool{}
	Run(n, func(*CPU) {
		body()
		mu.Lock()
		threads[threadID()] = true
		mu.Unlock()
	})
	return threads
}

// TestThreadsDie: a thread whose mask was changed by somebody else must not come back
// to the runtime's pool, and neither must one that the body keeps locked.
func TestThreadsDie(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("a mask that is no CPU's takes two hardware CPUs")
	}
	allowed := mask(t)
	moved := func() {
		if err := unix.SchedSetaffinity(0, &allowed); err != nil {
			t.Error(err)
		}
	}
	for name, body := range map[string]func(){"moved": moved, "locked": runtime.LockOSThread} {
		threads := threadsOf(t, 12, body)
		delete(threads, os.Getpid()) // the first thread cannot end; it sleeps for ever
		deadline := time.Now().Add(2 * time.Second)
		for tid := range threads {
			for {
				_, err := os.Stat(filepath.Join("/proc/self/task", strconv.Itoa(tid)))
				if errors.Is(err, os.ErrNotExist) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s: thread %d is still there", name, tid)
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
}

// TestBindingRefused runs itself in a child under a seccomp filter that refuses
// sched_setaffinity: the CPUs must run all the same and say so.
func TestBindingRefused(t *testing.T) {
	const child = "SLABRCU_SMP_CHILD"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestBindingRefused$", "-test.v")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "--- SKIP") {
			t.Skipf("%s", out)
		}
		if err != nil || !strings.Contains(string(out), "refused:") {
			t.Fatalf("child: %v\n%s", err, out)
		}
		return
	}
	if err := forbid(unix.SYS_SCHED_SETAFFINITY); err != nil {
		t.Skipf("no seccomp here: %v", err)
	}
	Run(3, func(c *CPU) {
		err := c.AffinityError()
		if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "smp: bind CPU "+strconv.Itoa(c.ID())) {
			t.Errorf("CPU %d: AffinityError %v", c.ID(), err)
		}
		if c.Hardware() != -1 {
			t.Errorf("CPU %d claims hardware CPU %d", c.ID(), c.Hardware())
		}
		t.Logf("refused: %v", err)
	})
}
