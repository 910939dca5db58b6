// Package urcu is userspace RCU: readers enter and leave sections for about a
// nanosecond, updaters wait for a grace period or are called back after one.
package urcu
