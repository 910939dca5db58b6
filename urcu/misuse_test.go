package urcu

import (
	"fmt"
	"strings"
	"testing"
)

// wantPanic fails unless body panics with a message that contains part.
func wantPanic(t *testing.T, part string, body func()) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		if v == nil {
			t.Errorf("no panic, want one with %q", part)
		} else if text := fmt.Sprint(v); !strings.Contains(text, part) {
			t.Errorf("panic %q, want one with %q", text, part)
		}
	}()
	body()
}
