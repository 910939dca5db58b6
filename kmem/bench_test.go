// Micro-benchmarks of the walk's stops, for work on this package. The
// project's figures come from bench.

package kmem

import (
	"testing"

	"github.com/slabrcu/slabrcu/smp"
)

func benchCPU(b *testing.B, size int, body func(b *testing.B, l *Local)) {
	h := newTestHeap(b, HeapOptions{})
	c := newTestCache(b, h, "bench", size, CacheOptions{})
	onCPU(func(cpu *smp.CPU) {
		l := c.On(cpu)
		b.ResetTimer()
		body(b, l)
		b.StopTimer()
	})
}

func BenchmarkPairCPU(b *testing.B) {
	benchCPU(b, 64, func(b *testing.B, l *Local) {
		for range b.N {
			p := l.Alloc()
			*(*uint64)(p) = 1
			l.Free(p)
		}
	})
}

func BenchmarkPair2CPU(b *testing.B) {
	benchCPU(b, 64, func(b *testing.B, l *Local) {
		for i := 0; i < b.N; i += 2 {
			p, q := l.Alloc(), l.Alloc()
			*(*uint64)(p) = 1
			*(*uint64)(q) = 1
			l.Free(p)
			l.Free(q)
		}
	})
}

func BenchmarkPairAny(b *testing.B) {
	h := newTestHeap(b, HeapOptions{})
	c := newTestCache(b, h, "bench", 64, CacheOptions{})
	for b.Loop() {
		p := c.Alloc()
		*(*uint64)(p) = 1
		c.Free(p)
	}
}

func BenchmarkBatch10kCPU(b *testing.B) {
	benchCPU(b, 64, func(b *testing.B, l *Local) {
		var live [10000]Pointer
		for n := 0; n < b.N; n += len(live) {
			for i := range live {
				p := l.Alloc()
				*(*uint64)(p) = 1
				live[i] = p
			}
			for _, p := range live {
				l.Free(p)
			}
		}
	})
}

func BenchmarkRandomLiveCPU(b *testing.B) {
	benchCPU(b, 64, func(b *testing.B, l *Local) {
		live := make([]Pointer, 100000)
		for i := range live {
			live[i] = l.Alloc()
		}
		x := uint32(1)
		b.ResetTimer()
		for range b.N {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
			i := uint64(x) * uint64(len(live)) >> 32
			l.Free(live[i])
			p := l.Alloc()
			*(*uint64)(p) = 1
			live[i] = p
		}
		b.StopTimer()
		for _, p := range live {
			l.Free(p)
		}
	})
}
