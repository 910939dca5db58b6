package invariant

import "testing"

func TestCheck(t *testing.T) {
	Check(true, "must not panic")
	defer func() {
		if got, want := recover(), "invariant: cache dentry: 3 objects out"; got != want {
			t.Errorf("panic %v, want %q", got, want)
		}
	}()
	Check(false, "cache %s: %d objects out", "dentry", 3)
}

// TestDisabledCostsNothing: in a production build the arguments of a check are
// not even evaluated.
func TestDisabledCostsNothing(t *testing.T) {
	evaluated := false
	arg := func() bool { evaluated = true; return true }
	if Enabled {
		Check(arg(), "an argument that must hold")
	}
	if evaluated != Enabled {
		t.Errorf("argument evaluated: %v, Enabled: %v", evaluated, Enabled)
	}
}
