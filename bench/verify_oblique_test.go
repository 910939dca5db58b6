package bench

import (
	"slices"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/rmap"
)

// A pattern chooses tortures by name, in any case, and those share all the time.
func TestTortureNames(t *testing.T) {
	got, err := TortureNames("^Oblique$")
	if err != nil || !slices.Equal(got, []string{"oblique"}) {
		t.Errorf("TortureNames: %v, %v", got, err)
	}
	if all, err := TortureNames(""); err != nil || len(all) != len(tortures()) {
		t.Errorf("no pattern: %v, %v", all, err)
	}
	for _, bad := range []string{"nothing", "("} {
		if got, err := TortureNames(bad); err == nil {
			t.Errorf("pattern %q chooses %v", bad, got)
		}
	}
	o := VerifyOptions{Pattern: "oblique"}
	if chosen := o.tortures(); len(chosen) != 1 || chosen[0].share != 100 {
		t.Errorf("chosen alone it has a share of %+v", chosen)
	}
}

// Each oracle of rmap has a class that can be explained.
func TestObliqueClasses(t *testing.T) {
	for _, o := range rmap.Oracles() {
		if c := obliqueClasses[o]; c.Explain() == "" {
			t.Errorf("oracle %s has class %q, which nothing explains", o, c)
		}
	}
}

// Alone, with the flag, it finds nothing and did something.
func TestObliqueTorture(t *testing.T) {
	all := Verify(t.Context(), VerifyOptions{Flags: kmem.DestroyByRCU, Pattern: "oblique", Duration: time.Second / 2}, func(Evidence) {})
	if len(all) != 1 || all[0].Found() || all[0].Failure != "" || all[0].Counts[0].N == 0 {
		t.Errorf("evidence %+v", all)
	}
}
