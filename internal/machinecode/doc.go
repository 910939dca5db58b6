// Package machinecode reads what the compiler made of functions that must make no
// call while they rely on where their stack is, for tests.
package machinecode
