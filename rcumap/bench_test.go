// Rough figures of single operations; the scenario Table of package bench has
// the real ones.

package rcumap

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

// filled returns a map with the keys 0 to n-1.
func filled(b *testing.B, n int) *Map[uint64, uint64] {
	m := newTestMap[uint64, uint64](b, Options{})
	for k := range uint64(n) {
		if err := m.Store(k, k); err != nil {
			b.Fatal(err)
		}
	}
	return m
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("api=any/n=%d", n), func(b *testing.B) {
			m := filled(b, n)
			r := rand.New(rand.NewPCG(1, 2))
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := m.Load(r.Uint64N(uint64(n))); !ok {
					b.Fatal("lost")
				}
			}
		})
		b.Run(fmt.Sprintf("api=cpu/n=%d", n), func(b *testing.B) {
			m := filled(b, n)
			b.ReportAllocs()
			smp.Run(1, func(cpu *smp.CPU) {
				reader := m.domain.Register("bench")
				defer reader.Unregister()
				l := m.On(cpu, reader)
				r := rand.New(rand.NewPCG(1, 2))
				for b.Loop() {
					if _, ok := l.Load(r.Uint64N(uint64(n))); !ok {
						b.Fatal("lost")
					}
				}
			})
		})
	}
}

func BenchmarkMiss(b *testing.B) {
	m := filled(b, 10_000)
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		if _, ok := m.Load(r.Uint64() | 1<<63); ok {
			b.Fatal("found")
		}
	}
}

func BenchmarkStore(b *testing.B) {
	m := filled(b, 10_000)
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		m.Store(r.Uint64N(10_000), 7)
	}
}

// BenchmarkChurn deletes the oldest key and inserts a new one.
func BenchmarkChurn(b *testing.B) {
	const n = 10_000
	m := filled(b, n)
	k := uint64(n)
	for b.Loop() {
		m.Delete(k - n)
		m.Store(k, k)
		k++
	}
}

// BenchmarkGrow inserts into a map that starts empty.
func BenchmarkGrow(b *testing.B) {
	m := newTestMap[uint64, uint64](b, Options{})
	k := uint64(0)
	for b.Loop() {
		m.Store(k, k)
		if k++; k == 1_000_000 {
			b.StopTimer()
			k = 0
			m.Close()
			m = newTestMap[uint64, uint64](b, Options{})
			b.StartTimer()
		}
	}
}
