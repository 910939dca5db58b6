//go:build linux && !race

package mmap

import "golang.org/x/sys/unix"

const fixedNoReplace = unix.MAP_FIXED_NOREPLACE
