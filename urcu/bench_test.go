// Benchmarks for tuning this package; the scenarios of record are in bench/.

package urcu

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/smp"
)

func benchDomain(b *testing.B, f Flavor) *Domain {
	b.Helper()
	d, err := New(Options{Name: b.Name(), Flavor: f})
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() {
		if err := d.Close(); err != nil {
			b.Error(err)
		}
	})
	return d
}

var sinkWord atomic.Uint64

func BenchmarkReadSection(b *testing.B) {
	b.Run("flavor=qsbr/api=registered", func(b *testing.B) {
		r := benchDomain(b, QSBR).RegisterQSBR("b")
		n := uint64(0)
		for i := range b.N {
			r.Lock()
			n += sinkWord.Load()
			r.Unlock()
			if i&1023 == 0 {
				r.QuiescentState()
			}
		}
		r.Unregister()
	})
	b.Run("flavor=memb/api=registered", func(b *testing.B) {
		r := benchDomain(b, Memb).RegisterMemb("b")
		n := uint64(0)
		for range b.N {
			r.Lock()
			n += sinkWord.Load()
			r.Unlock()
		}
		r.Unregister()
	})
	b.Run("flavor=mb/api=registered", func(b *testing.B) {
		r := benchDomain(b, MB).RegisterMB("b")
		n := uint64(0)
		for range b.N {
			r.Lock()
			n += sinkWord.Load()
			r.Unlock()
		}
		r.Unregister()
	})
	b.Run("api=any", func(b *testing.B) {
		d := benchDomain(b, MB)
		n := uint64(0)
		for range b.N {
			s := d.Enter()
			n += sinkWord.Load()
			s.Exit()
		}
	})
	b.Run("api=any/parallel", func(b *testing.B) {
		d := benchDomain(b, MB)
		b.RunParallel(func(pb *testing.PB) {
			n := uint64(0)
			for pb.Next() {
				s := d.Enter()
				n += sinkWord.Load()
				s.Exit()
			}
		})
	})
}

// busyReader runs sections of the flavor on an emulated CPU while body runs on
// another.
func busyReader(d *Domain, body func()) {
	var stop atomic.Bool
	ready := make(chan bool)
	done := make(chan bool)
	go func() {
		smp.Run(2, func(c *smp.CPU) {
			if c.ID() == 0 {
				<-ready
				body()
				stop.Store(true)
				return
			}
			r := d.Register("busy")
			defer r.Unregister()
			close(ready)
			n := uint64(0)
			switch r := r.(type) {
			case *QSBRReader:
				for !stop.Load() {
					for range 1024 {
						r.Lock()
						n += sinkWord.Load()
						r.Unlock()
					}
					r.QuiescentState()
				}
			case *MembReader:
				for !stop.Load() {
					for range 64 {
						r.Lock()
						n += sinkWord.Load()
						r.Unlock()
					}
				}
			case *MBReader:
				for !stop.Load() {
					for range 64 {
						r.Lock()
						n += sinkWord.Load()
						r.Unlock()
					}
				}
			}
		})
		close(done)
	}()
	<-done
}

func BenchmarkSynchronize(b *testing.B) {
	for _, f := range []Flavor{QSBR, Memb, MB} {
		b.Run("flavor="+f.String(), func(b *testing.B) {
			d := benchDomain(b, f)
			busyReader(d, func() {
				b.ResetTimer()
				for range b.N {
					d.Synchronize()
				}
				b.StopTimer()
			})
			report(b, d)
		})
	}
}

// How the scan grows with registered readers.
func BenchmarkScan(b *testing.B) {
	for _, f := range []Flavor{QSBR, Memb, MB} {
		for _, n := range []int{1, 16, 256, 4096} {
			b.Run(fmt.Sprintf("flavor=%v/readers=%d", f, n), func(b *testing.B) {
				d := benchDomain(b, f)
				for i := range n {
					r := d.Register("")
					defer r.Unregister()
					if f != MB || i%2 == 0 {
						r.Offline()
					}
				}
				b.ResetTimer()
				for range b.N {
					d.Synchronize()
				}
			})
		}
	}
}

// Calls from as many goroutines as there are processors.
func BenchmarkCallParallel(b *testing.B) {
	d := benchDomain(b, MB)
	b.RunParallel(func(pb *testing.PB) {
		blocks := make([]benchBlock, 1<<12)
		for i := 0; pb.Next(); i++ {
			x := &blocks[i&(len(blocks)-1)]
			for x.busy.Load() {
				d.Drive()
			}
			x.busy.Store(true)
			d.Call(&x.head, benchCallback)
		}
		d.Barrier()
		runtime.KeepAlive(blocks)
	})
}

func report(b *testing.B, d *Domain) {
	s := d.Stats()
	b.ReportMetric(float64(s.P50), "p50-gp-ns")
	b.ReportMetric(float64(s.P99), "p99-gp-ns")
	b.ReportMetric(float64(s.Membarriers)/float64(b.N), "membarriers/op")
	b.ReportMetric(float64(s.Parked)/float64(b.N), "parked/op")
}

type benchBlock struct {
	head Head
	at   time.Duration
	busy atomic.Bool
}

var benchCalls struct {
	free    []*benchBlock
	latency histogram
	n       int
}

func BenchmarkCall(b *testing.B) {
	for _, f := range []Flavor{QSBR, Memb, MB} {
		b.Run("flavor="+f.String(), func(b *testing.B) {
			d := benchDomain(b, f)
			blocks := make([]benchBlock, 1<<14)
			busyReader(d, func() {
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					x := &blocks[i&(len(blocks)-1)]
					for x.busy.Load() {
						d.Drive()
					}
					x.busy.Store(true)
					if i&63 == 0 {
						x.at = now()
					}
					d.Call(&x.head, benchCallback)
				}
				d.Barrier()
				b.StopTimer()
			})
			var s Stats
			benchCalls.latency.fill(&s)
			benchCalls.latency = histogram{}
			b.ReportMetric(float64(s.P50), "p50-latency-ns")
			b.ReportMetric(float64(s.P99), "p99-latency-ns")
			b.ReportMetric(float64(s.Longest), "max-latency-ns")
			b.ReportMetric(float64(d.Stats().GracePeriods)/float64(b.N), "gp/op")
			runtime.KeepAlive(blocks)
		})
	}
}
