package kmem

import (
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

// BenchmarkSampling shows what samples and debug flags cost: of pairs, which stay
// in the hot slots, and of batches beyond what an array holds.
func BenchmarkSampling(b *testing.B) {
	for _, m := range []struct {
		name  string
		o     HeapOptions
		flags Flags
	}{
		{"off", HeapOptions{}, 0},
		{"guards", HeapOptions{Debug: DebugOptions{GuardInterval: 100 * time.Millisecond}}, 0},
		{"profile", HeapOptions{ProfileRate: 512 << 10}, 0},
		{"both", HeapOptions{ProfileRate: 512 << 10, Debug: DebugOptions{GuardInterval: 100 * time.Millisecond}}, 0},
		{"red_zone", HeapOptions{}, RedZone},
		{"all", HeapOptions{}, RedZone | Poison | StoreUser},
	} {
		for _, n := range []int{1, 10000} {
			b.Run("mode="+m.name+"/live="+map[int]string{1: "1", 10000: "10k"}[n], func(b *testing.B) {
				h := newTestHeap(b, m.o)
				c := newTestCache(b, h, "c", 64, CacheOptions{Flags: m.flags})
				smp.Run(1, func(cpu *smp.CPU) {
					l := c.On(cpu)
					live := make([]Pointer, n)
					for b.Loop() {
						for i := range live {
							live[i] = l.Alloc()
						}
						for _, p := range live {
							l.Free(p)
						}
					}
				})
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/pair")
			})
		}
	}
}
