package urcu

import (
	"encoding/json"
	"testing"
	"time"
)

func TestHistogramBuckets(t *testing.T) {
	for i := range 42*4 - 1 {
		top := bucketTop(i)
		if got := bucketOf(top - 1); got != i {
			t.Errorf("%d is in bucket %d, want %d", top-1, got, i)
		}
		if got := bucketOf(top); got != i+1 {
			t.Errorf("%d is in bucket %d, want %d", top, got, i+1)
		}
	}
	for _, d := range []time.Duration{-5, 0, 3, 1 << 62} {
		_ = bucketOf(d) // in range
	}
}

func TestHistogramPercentiles(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(time.Duration(i + 1))
	}
	var s Stats
	h.fill(&s)
	for _, c := range []struct {
		name      string
		got, want time.Duration
	}{{"p50", s.P50, 500}, {"p99", s.P99, 990}, {"p99.9", s.P999, 999}} {
		if c.got < c.want || c.got > c.want*5/4+1 {
			t.Errorf("%s is %d, want %d and at most a quarter more", c.name, c.got, c.want)
		}
	}
	if s.Samples != 1000 || s.Longest != 1000 {
		t.Errorf("%d samples, longest %d", s.Samples, s.Longest)
	}
	var none Stats
	new(histogram).fill(&none)
	if none != (Stats{}) {
		t.Errorf("an empty histogram gives %+v", none)
	}
}

func TestStats(t *testing.T) {
	d := newDomain(t, Options{Name: "stats", Flavor: MB})
	r := d.Register("r")
	defer r.Unregister()
	ps, _ := parcels(100)
	for i := range ps {
		d.Call(&ps[i].head, deliver)
	}
	d.Barrier()
	for range 100 {
		d.Synchronize()
	}
	s := d.Stats()
	if s.Name != "stats" || s.Flavor != MB || s.Readers != 1 || s.Pending != 0 || s.Ran < 100 || s.GracePeriods < 100 || s.Samples < 10 || s.P50 <= 0 || s.Peak < 1 {
		t.Errorf("%+v", s)
	}
	var back map[string]any
	if err := json.Unmarshal([]byte(d.Var().String()), &back); err != nil || back["Name"] != "stats" || back["Flavor"] != "mb" {
		t.Errorf("Var is %s: %v", d.Var(), err)
	}
}
