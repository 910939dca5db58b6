package main

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/bench"
)

// planted is the state of a run, at seconds after its case began.
func planted(at int) *state {
	n := uint64(at)
	return &state{Running: "Pair-1", Done: 3, Of: 20, Sample: bench.Sample{
		At: time.Duration(at) * time.Second, Resident: 64 << 20, Live: 3 << 20, Limbo: 4096, GracePeriods: 100 * n, GCs: 7,
		Caches: []bench.CacheSample{
			{Name: "small", Active: 30, Objects: 64, ObjSize: 64, ObjPerSlab: 64, PagesPerSlab: 1, Slabs: 1, Trips: 10 * n},
			{Name: "large", Active: 5, Objects: 8, ObjSize: 4096, ObjPerSlab: 8, PagesPerSlab: 8, Slabs: 1, Limbo: 2},
		},
	}}
}

func TestFrame(t *testing.T) {
	text := string(frame("here", planted(1), planted(3), false))
	wantParts(t, "frame", text, "3 of 20 measurements", "Pair-1 for 3s", "resident 64.00MiB", "in limbo 4.000KiB", "grace periods 300 (100.0 a second)", "46%", "10.00  ")
	if strings.Index(text, "large") > strings.Index(text, "small") {
		t.Error("the cache with the most pages does not come first")
	}
	if strings.Contains(text, "\x1b") || !strings.HasPrefix(string(frame("here", nil, planted(1), true)), "\x1b[") {
		t.Error("control characters belong on a terminal, and there only")
	}
	other := planted(1)
	other.Running = "Loop-1"
	wantParts(t, "frame of another case", string(frame("here", other, planted(3), false)), "(- a second)")
}

// top looks at a run as often as it is told, and ends with the run.
func TestTop(t *testing.T) {
	var stderr bytes.Buffer
	v, err := openWindow("localhost:0", &bench.Plan{Cases: make([]*bench.Case, 7)}, &stderr)
	if err != nil {
		t.Fatal(err)
	}
	_, url, _ := strings.Cut(strings.TrimSpace(stderr.String()), "look at ")
	v.starting(bench.Lookup("Loop").Cases(bench.Selection{})[0])
	v.sample(planted(1).Sample)
	stdout, errs, status := command(t, "top", "-n=2", "-d=1ms", url)
	if status != statusOK || strings.Count(stdout, "0 of 7 measurements") != 2 || !strings.Contains(stdout, "large") {
		t.Errorf("status %d: %s%s", status, stdout, errs)
	}
	ended := make(chan error)
	go func() {
		time.Sleep(50 * time.Millisecond)
		ended <- v.close()
	}()
	if _, errs, status := command(t, "top", "-d=5ms", url); status != statusOK || !strings.Contains(errs, "ended") {
		t.Errorf("status %d: %s", status, errs)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTopRefuses(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"memstats":{}}`)) }))
	defer elsewhere.Close()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, x := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, statusUsage, "address"},
		{[]string{"-d=0s", "x"}, statusUsage, "-d"},
		{[]string{"-x", "x"}, statusUsage, "-x"},
		{[]string{l.Addr().String()}, statusFailed, l.Addr().String()},
		{[]string{elsewhere.URL}, statusFailed, "no slabbench -http"},
	} {
		_, stderr, status := command(t, append([]string{"top"}, x.args...)...)
		if status != x.status || !strings.Contains(stderr, x.want) {
			t.Errorf("top %q: status %d, want %d: %s", x.args, status, x.status, stderr)
		}
	}
}
