package perfevent

import (
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// mustOpen opens counters of kernel events, which every Linux has; a sandbox may
// refuse the system call altogether.
func mustOpen(t *testing.T, s Scope, events ...Event) *Counters {
	t.Helper()
	c, err := Open(s, events...)
	if err != nil {
		t.Skipf("no perf events here: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func counted(t *testing.T, c *Counters, work func()) []Count {
	t.Helper()
	if err := c.Enable(); err != nil {
		t.Fatal(err)
	}
	work()
	if err := c.Disable(); err != nil {
		t.Fatal(err)
	}
	out, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fault touches pages that nobody has touched.
func fault(pages int) []byte {
	b := make([]byte, (pages+64)*os.Getpagesize()) // more than the collector has at hand
	for i := 0; i < pages; i++ {
		b[i*os.Getpagesize()] = 1
	}
	return b
}

// spin burns CPU time.
func spin(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
	}
}

func TestThread(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := mustOpen(t, Thread, TaskClock, PageFaults)
	// Other threads do not count.
	got := counted(t, c, func() {
		var wg sync.WaitGroup
		wg.Go(func() { spin(5 * time.Millisecond) })
		spin(20 * time.Millisecond)
		runtime.KeepAlive(fault(2048))
		wg.Wait()
	})
	if got[0].Event != TaskClock || got[0].N < 1e6 || got[0].Share != 1 {
		t.Errorf("CPU time: %+v", got[0])
	}
	// Huge pages make fewer faults.
	if got[1].Event != PageFaults || got[1].N < 4 {
		t.Errorf("page faults: %+v", got[1])
	}
	// Switched off it does not count.
	spin(5 * time.Millisecond)
	again, err := c.Read()
	if err != nil || again[0].N != got[0].N {
		t.Errorf("%v after %v, %v", again[0], got[0], err)
	}
}

// The whole process: threads that are there, and threads that come.
func TestProcess(t *testing.T) {
	c := mustOpen(t, Process, TaskClock)
	got := counted(t, c, func() {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				runtime.LockOSThread() // and the thread ends with the goroutine
				spin(20 * time.Millisecond)
			})
		}
		wg.Wait()
	})
	if got[0].N < 2e6 { // a busy machine gives them a part of it
		t.Errorf("%v ns of CPU time in three threads that spin for 20 ms", got[0].N)
	}
}

// A second pair of Enable and Disable adds to the first.
func TestAdds(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := mustOpen(t, Thread, TaskClock)
	first := counted(t, c, func() { spin(3 * time.Millisecond) })[0].N
	second := counted(t, c, func() { spin(3 * time.Millisecond) })[0].N
	if second <= first {
		t.Errorf("%v, then %v", first, second)
	}
}

// What cannot be counted is said by name, and leaves no counter open.
func TestMissing(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	odd := Event{"odd", kindSoftware, 1 << 40}
	c, err := Open(Thread, TaskClock, odd)
	if c != nil || err == nil || !strings.Contains(err.Error(), "task-clock") && !strings.Contains(err.Error(), "odd") {
		t.Errorf("%v, %v", c, err)
	}
	for _, e := range Hardware() {
		if !e.IsHardware() {
			t.Errorf("%v is said to be the kernel's", e)
		}
		if err := Missing(e); err != nil {
			t.Logf("not here: %v", err)
		}
	}
}

func TestScaled(t *testing.T) {
	for _, x := range []struct {
		reading
		want float64
	}{
		{reading{100, 10, 10}, 100}, {reading{100, 10, 5}, 200}, {reading{0, 10, 0}, 0},
	} {
		if got := x.scaled(); got != x.want {
			t.Errorf("%+v is %v, want %v", x.reading, got, x.want)
		}
	}
}

func TestClosedTwice(t *testing.T) {
	c := mustOpen(t, Process, PageFaults)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}
