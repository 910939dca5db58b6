package urcu

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// flavors are those that this machine offers.
func flavors() []Flavor {
	if HasHeavyFence() {
		return []Flavor{QSBR, Memb, MB}
	}
	return []Flavor{QSBR, MB}
}

// newDomain makes a domain that is closed, and checked, when the test ends.
func newDomain(t testing.TB, o Options) *Domain {
	t.Helper()
	if o.Name == "" {
		o.Name = t.Name()
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
			return
		}
		if s := d.Stats(); s.Pending != 0 {
			t.Errorf("after Close %d callbacks are pending: %+v", s.Pending, s)
		}
	})
	return d
}

func eachFlavor(t *testing.T, body func(t *testing.T, d *Domain)) {
	for _, f := range flavors() {
		t.Run(f.String(), func(t *testing.T) { body(t, newDomain(t, Options{Flavor: f})) })
	}
}
