// Latencies: histograms with three digits, and the quantiles that are reported.
//
// See doc.go for an overview.

package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range of a latency histogram, in nanoseconds.
const (
	latencyMin    = 1
	latencyMax    = int64(100 * time.Second)
	latencyDigits = 3
)

func newLatency() *hdrhistogram.Histogram {
	return hdrhistogram.New(latencyMin, latencyMax, latencyDigits)
}

// recordLatency files d, and files what lies outside the range at its edge: a
// latency that is off the scale must not vanish.
func recordLatency(h *hdrhistogram.Histogram, d time.Duration) {
	// An error is impossible after the value was brought into the range.
	_ = h.RecordValue(min(max(int64(d), latencyMin), latencyMax))
}

// mergeLatencies adds up the histograms of the workers; nil when none has any.
func mergeLatencies(workers []*Worker) *hdrhistogram.Histogram {
	var sum *hdrhistogram.Histogram
	for _, w := range workers {
		if w.latency == nil {
			continue
		}
		if sum == nil {
			sum = newLatency()
		}
		sum.Merge(w.latency)
	}
	return sum
}

// quantiles are the reported quantiles and the names that they have in units.
var quantiles = []struct {
	name string
	at   float64
}{
	{"p50", 50},
	{"p90", 90},
	{"p99", 99},
	{"p99.9", 99.9},
	{"p99.99", 99.99},
}
