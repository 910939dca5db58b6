// Package compat checks that tools which know the kernel's files can read ours.
// It is a module of its own, so that nobody who imports the library gets what
// only these tests need.
package compat
