package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/internal/mmap"
)

// TestSampledTorture is TestSlabTorture, with guarded samples and a profile taken
// all the time.
func TestSampledTorture(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{0, DestroyByRCU} {
			t.Run("flags="+flags.String(), func(t *testing.T) {
				o := HeapOptions{Layout: layout, ProfileRate: 1 << 10, Debug: DebugOptions{GuardEvery: 3}}
				tortureSlabs(t, o, flags, func(c *Cache) int {
					for _, s := range c.heap.Samples() {
						if s.InUseObjects < 0 || s.AllocObjects < s.InUseObjects {
							t.Errorf("%+v", s)
						}
					}
					return c.Shrink()
				})
			})
		}
	})
}

// TestDebugTorture is TestSlabTorture in debug caches. Oracle: besides that, no
// report of damage, since there is none.
func TestDebugTorture(t *testing.T) {
	layouts(t, func(t *testing.T, layout Layout) {
		for _, flags := range []Flags{RedZone | Poison, RedZone | StoreUser | DestroyByRCU} {
			t.Run("flags="+flags.String(), func(t *testing.T) {
				o := HeapOptions{Layout: layout, Debug: DebugOptions{GuardPages: !mmap.HeapBacked}}
				tortureSlabs(t, o, flags, func(c *Cache) int {
					for _, bad := range c.Audit() {
						t.Error(bad)
					}
					c.Leaks()
					return c.Shrink()
				})
			})
		}
	})
}
