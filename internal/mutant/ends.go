// Tests whose mutants hang.

package mutant

import (
	"os"
	"testing"
	"time"
)

// Ends calls f on another goroutine and fails the test when it does not return: within a
// minute, or in the process of a mutant within three seconds.
func Ends(t *testing.T, f func()) {
	t.Helper()
	limit := time.Minute
	if os.Getenv(Env) != "" {
		limit = 3 * time.Second
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatal("this hangs")
	}
}
