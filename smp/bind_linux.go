// Steps 2 and 7 of the walk on linux: a thread and its hardware CPU. See doc.go.

package smp

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A binding is what a thread may run on: before, and while it is a CPU.
type binding struct {
	may, one unix.CPUSet
	bound    bool
}

// bind binds the calling thread to hardware CPU number id of those it may run
// on, modulo how many they are. The thread is nobody's else: its mask is the
// process's, also after the process was moved to another cpuset.
func (b *binding) bind(id int) (hardware int, err error) {
	if err := unix.SchedGetaffinity(0, &b.may); err != nil {
		return -1, fmt.Errorf("smp: CPU %d: which hardware CPUs are allowed: %w", id, err)
	}
	hardware = nth(&b.may, id)
	b.one.Set(hardware)
	if err := unix.SchedSetaffinity(0, &b.one); err != nil {
		return -1, fmt.Errorf("smp: bind CPU %d to hardware CPU %d: %w", id, hardware, err)
	}
	b.bound = true
	return hardware, nil
}

// restore lets the calling thread run where it could before, and reports whether
// it does. It does not when its mask is no longer what bind made of it: somebody
// moved the thread, or the process, and knows better.
func (b *binding) restore() bool {
	var now unix.CPUSet
	return !b.bound ||
		unix.SchedGetaffinity(0, &now) == nil && now == b.one && unix.SchedSetaffinity(0, &b.may) == nil
}

// nth returns the member number n of set, counted modulo its size, which is at
// least 1: a thread always may run somewhere.
func nth(set *unix.CPUSet, n int) int {
	n %= set.Count()
	for hw := 0; ; hw++ {
		if set.IsSet(hw) {
			if n == 0 {
				return hw
			}
			n--
		}
	}
}

func threadID() int { return unix.Gettid() }
