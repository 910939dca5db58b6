package smp

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain: when all is done no CPU lives and no goroutine is left.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if code == 0 && Live() != 0 {
			panic("smp: CPUs live after all tests")
		}
		os.Exit(code)
	}))
}
