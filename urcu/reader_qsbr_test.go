package urcu

import (
	"sync/atomic"
	"testing"
)

// TestQSBRSeen: what a QSBR reader has seen is what its record says, at each step of its
// life; else QuiescentState would be slow for ever, or say nothing.
func TestQSBRSeen(t *testing.T) {
	d := newDomain(t, Options{Flavor: QSBR})
	r := d.RegisterQSBR("reader")
	rec := r.rec
	for i, step := range []struct {
		name string
		do   func()
		away bool // it is offline afterwards
	}{
		{"RegisterQSBR", func() {}, false},
		{"a grace period that begins, and QuiescentState", func() { d.start(d.tag()); r.QuiescentState() }, false},
		{"Offline", r.Offline, true},
		{"Synchronize", r.Synchronize, true},
		{"Online", r.Online, false},
		{"Synchronize", r.Synchronize, false},
		{"Offline", r.Offline, true},
		{"Online", r.Online, false},
		{"Unregister", r.Unregister, true},
	} {
		step.do()
		want := atomic.LoadUint64(&d.epoch)
		if step.away {
			want = 0
		}
		if r.seen != want || rec.word != want {
			t.Errorf("step %d, %s: seen %#x, word %#x, want %#x", i, step.name, r.seen, rec.word, want)
		}
	}
}
