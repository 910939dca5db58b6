package bench

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

// Profiles tell the workers of a case apart: by scenario, keys, CPUs, and by what
// each of them does.
func TestLabels(t *testing.T) {
	for pattern, roles := range map[string][]string{
		"^Typesafe$":         {"reader", "churner"},
		"^ProdCons$/api=any": {"producer", "consumer"},
		"^Pair$/api=any":     {"worker"},
	} {
		t.Run(pattern, func(t *testing.T) {
			plan, err := NewPlan(Options{Pattern: pattern, Benchtime: Benchtime{D: 50 * time.Millisecond}, Selection: Selection{Flags: []kmem.Flags{kmem.DestroyByRCU}, Sizes: []int{64}, CPUs: []int{2}}})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{`"scenario":"` + plan.Cases[0].Scenario.Name + `"`: true, `"cpus":"2"`: true}
			for _, r := range roles {
				want[`"role":"`+r+`"`] = true
			}
			var mu sync.Mutex
			plan.Sampling = Sampling{Every: time.Millisecond, To: func(*Case, Sample) {
				mu.Lock()
				defer mu.Unlock()
				var b bytes.Buffer
				if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
					t.Error(err)
				}
				for w := range want {
					if strings.Contains(b.String(), w) {
						delete(want, w)
					}
				}
			}}
			plan.Cases = plan.Cases[:1]
			err = plan.Run(context.Background(), func(*Case) {}, func(o Outcome) error { return o.Err })
			if err != nil {
				t.Fatal(err)
			}
			for w := range want {
				t.Errorf("no goroutine had the label %s", w)
			}
		})
	}
}
