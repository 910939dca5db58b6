// perf_event_open(2) and what is done to its descriptors. See doc.go for an
// overview.

package perfevent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// errGone says that a thread ended before it could be counted.
var errGone = unix.ESRCH

// self is the calling thread, for perf_event_open.
const self = 0

// threads returns the threads of a scope.
func (s Scope) threads() ([]int, error) {
	if s == Thread {
		return []int{self}, nil
	}
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return nil, fmt.Errorf("perf events: the threads of this process: %w", err)
	}
	var out []int
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			return nil, fmt.Errorf("perf events: thread %q: %w", e.Name(), err)
		}
		out = append(out, tid)
	}
	return out, nil
}

// open makes one counter of a thread, on whichever CPU it runs. Where the kernel
// must not be counted, user code alone is.
func open(e Event, tid int, inherit bool) (int, error) {
	attr := unix.PerfEventAttr{
		Type:        e.kind,
		Config:      e.config,
		Size:        unix.PERF_ATTR_SIZE_VER5,
		Read_format: unix.PERF_FORMAT_TOTAL_TIME_ENABLED | unix.PERF_FORMAT_TOTAL_TIME_RUNNING,
		Bits:        unix.PerfBitDisabled | unix.PerfBitExcludeHv,
	}
	if inherit {
		attr.Bits |= unix.PerfBitInherit
	}
	fd, err := unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		attr.Bits |= unix.PerfBitExcludeKernel
		fd, err = unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	}
	return fd, err
}

func enable(fd int) error { return unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0) }

func disable(fd int) error { return unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_DISABLE, 0) }

func read(fd int) (reading, error) {
	var b [24]byte
	n, err := unix.Read(fd, b[:])
	if err == nil && n != len(b) {
		err = io.ErrUnexpectedEOF // an event in error reads as nothing
	}
	if err != nil {
		return reading{}, err
	}
	u := binary.NativeEndian.Uint64
	return reading{u(b[:]), u(b[8:]), u(b[16:])}, nil
}

func closeEvent(fd int) error { return unix.Close(fd) }
