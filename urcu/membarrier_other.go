//go:build !linux

// membarrier(2) exists on Linux alone.

package urcu

func membarrierReady() bool { return false }

func membarrier() bool { return false }
