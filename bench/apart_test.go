package bench

import (
	"context"
	"testing"

	"github.com/slabrcu/slabrcu/kmem"
)

// Workers have a cache in common, or each one in a heap of its own.
func TestApart(t *testing.T) {
	for _, impl := range []string{"", apart} {
		r := &Run{Params: Params{Size: 64, CPUs: 3, Impl: impl}, ctx: context.Background()}
		caches, heaps := map[*kmem.Cache]bool{}, map[*kmem.Heap]bool{}
		err := r.withCaches("test", func(of func(*Worker) *kmem.Cache) error {
			for id := range r.CPUs {
				c := of(&Worker{ID: id})
				caches[c], heaps[c.Heap()] = true, true
			}
			return nil
		})
		want := 1
		if impl == apart {
			want = r.CPUs
		}
		if err != nil || len(caches) != want || len(heaps) != want {
			t.Errorf("impl %q: %d caches on %d heaps for %d workers, %v; want %d each", impl, len(caches), len(heaps), r.CPUs, err, want)
		}
	}
}
