package bench

import (
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

// Samples come while the case runs, in order, and show what it does. Slabs are in
// limbo for microseconds here: the case runs until a sample has seen some.
func TestSampling(t *testing.T) {
	c := growShrink.Cases(Selection{Flags: []kmem.Flags{kmem.DestroyByRCU}, Sizes: []int{256}})[0]
	var most Sample
	for range 100 {
		samples := sampled(t, c)
		if len(samples) < 5 {
			t.Fatalf("%d samples", len(samples))
		}
		for i, s := range samples {
			if i > 0 && s.At <= samples[i-1].At {
				t.Errorf("sample %d is at %v, the one before at %v", i, s.At, samples[i-1].At)
			}
			most.Slabs, most.Live, most.Limbo = max(most.Slabs, s.Slabs), max(most.Live, s.Live), max(most.Limbo, s.Limbo)
		}
		if most.Slabs > 0 && most.Live > 0 && most.Limbo > 0 {
			return
		}
	}
	t.Errorf("never seen: slabs %d, live %d, limbo %d", most.Slabs, most.Live, most.Limbo)
}

// sampled runs a case and looks at it every millisecond.
func sampled(t *testing.T, c *Case) (samples []Sample) {
	p := &Plan{
		Cases:     []*Case{c},
		Benchtime: Benchtime{D: 50 * time.Millisecond},
		Sampling: Sampling{Every: time.Millisecond, To: func(of *Case, s Sample) {
			if of != c {
				t.Errorf("a sample of %s", of.Name())
			}
			samples = append(samples, s)
		}},
	}
	if err := p.Run(t.Context(), func(*Case) {}, func(o Outcome) error { return o.Err }); err != nil {
		t.Fatal(err)
	}
	return samples
}
