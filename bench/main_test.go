package bench

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/slabrcu/slabrcu/urcu"
)

// The default domain is never closed and keeps a goroutine: it is started
// before leaks are looked for.
func TestMain(m *testing.M) {
	d := urcu.Default()
	d.Defer(func() {})
	d.Barrier()
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}
