// Step 2 of the walk on darwin, which cannot bind. See doc.go.

package smp

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

type binding struct{}

func (*binding) bind(id int) (hardware int, err error) {
	return -1, fmt.Errorf("smp: bind CPU %d: darwin does not bind threads to hardware CPUs: %w", id, errors.ErrUnsupported)
}

func (*binding) restore() bool { return true }

func threadID() int {
	id, _, _ := unix.Syscall(unix.SYS_THREAD_SELFID, 0, 0, 0)
	return int(id)
}
