// Step 2 of the walk on linux: a thread and its hardware CPU. See doc.go.

package smp

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// bind binds the calling thread to hardware CPU number id of those it may run
// on, modulo how many they are. The thread must be fresh: its mask is then the
// process's, also after the process was moved to another cpuset.
func bind(id int) (hardware int, err error) {
	var may, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return -1, fmt.Errorf("smp: CPU %d: which hardware CPUs are allowed: %w", id, err)
	}
	hardware = nth(&may, id)
	one.Set(hardware)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return -1, fmt.Errorf("smp: bind CPU %d to hardware CPU %d: %w", id, hardware, err)
	}
	return hardware, nil
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
