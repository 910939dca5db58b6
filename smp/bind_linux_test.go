package smp

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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

// TestThreadsDie: a bound thread must not come back to the runtime's pool.
func TestThreadsDie(t *testing.T) {
	var mu sync.Mutex
	threads := map[int]bool{}
	Run(12, func(*CPU) {
		mu.Lock()
		threads[threadID()] = true
		mu.Unlock()
	})
	delete(threads, os.Getpid()) // the first thread cannot end; it sleeps for ever
	deadline := time.Now().Add(2 * time.Second)
	for tid := range threads {
		for {
			_, err := os.Stat(filepath.Join("/proc/self/task", strconv.Itoa(tid)))
			if errors.Is(err, os.ErrNotExist) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("thread %d is still there", tid)
			}
			time.Sleep(time.Millisecond)
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
