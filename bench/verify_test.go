package bench

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slabrcu/slabrcu/kmem"
)

// torturetime is how long one torture lasts here.
func torturetime() time.Duration {
	if testing.Short() {
		return 150 * time.Millisecond
	}
	return time.Second / 2
}

// Torture with the flag finds nothing, and did something.
func TestTorture(t *testing.T) {
	for _, x := range tortures() {
		t.Run(x.name, func(t *testing.T) {
			var e Evidence
			snapshots := 0
			// On a machine with other things to do it may be over before its
			// workers were scheduled once: then it gets more time.
			for d := torturetime(); d < time.Minute && (len(e.Counts) == 0 || e.Counts[0].N == 0); d *= 4 {
				e = x.verify(t.Context(), VerifyOptions{Flags: kmem.DestroyByRCU, Duration: d * 100 / time.Duration(x.share)},
					func(Evidence) { snapshots++ })
			}
			t.Logf("%v", e.Counts)
			for _, f := range e.Findings {
				t.Errorf("found %d × %s, the first: %s", f.N, f.Class, f.Example)
			}
			if e.Failure != "" || !e.Done {
				t.Errorf("failure %q, done %v", e.Failure, e.Done)
			}
			if len(e.Counts) == 0 || e.Counts[0].N == 0 || snapshots < 2 {
				t.Errorf("it did nothing: %v, %d snapshots", e.Counts, snapshots)
			}
		})
	}
}

// All of them run, one after the other, and each reports its end.
func TestVerify(t *testing.T) {
	ends := 0
	all := Verify(t.Context(), VerifyOptions{Flags: kmem.DestroyByRCU, Duration: torturetime()}, func(e Evidence) {
		if e.Done {
			ends++
		}
	})
	if len(all) != len(tortures()) || ends != len(all) {
		t.Errorf("%d tortures and %d ends, want %d", len(all), ends, len(tortures()))
	}
}

// The shares of the tortures are the whole time.
func TestTortureShares(t *testing.T) {
	sum := 0
	for _, x := range tortures() {
		sum += x.share
	}
	if sum < 80 || sum > 100 { // a flavour can be missing
		t.Errorf("shares add up to %d %%", sum)
	}
}

// Flags that are refused are no finding: the torture could not run.
func TestTortureRefused(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var first Evidence
	Verify(ctx, VerifyOptions{Flags: kmem.DestroyByRCU | kmem.Poison, Duration: time.Minute}, func(e Evidence) {
		if e.Done && first.Torture == "" {
			first = e
			cancel()
		}
	})
	if first.Failure == "" || first.Found() {
		t.Errorf("evidence %+v", first)
	}
}

// Workers that do not end are found and do not hold up the rest.
func TestHang(t *testing.T) {
	release := make(chan struct{})
	x := torture{"hang", "", 100, func(t *trial) error {
		t.worker("stuck", func() { <-release })
		t.wg.Wait()
		return nil
	}}
	e := x.verify(t.Context(), VerifyOptions{Duration: time.Millisecond}, func(Evidence) {})
	close(release)
	if !e.Found() || e.Findings[0].Class != ClassHang {
		t.Errorf("evidence %+v", e)
	}
	time.Sleep(10 * time.Millisecond) // for the leak check
}

// A worker's panic is a finding; the same class is counted, with one example.
func TestFindings(t *testing.T) {
	x := torture{"panics", "", 100, func(t *trial) error {
		for range 3 {
			t.worker("w", func() { panic("damage") })
		}
		t.wg.Wait()
		return nil
	}}
	e := x.verify(t.Context(), VerifyOptions{Duration: time.Second}, func(Evidence) {})
	want := Finding{ClassPanic, 3, "w: damage"}
	if len(e.Findings) != 1 || e.Findings[0] != want {
		t.Errorf("findings %+v, want %+v", e.Findings, want)
	}
}

// The end of a process is told by class.
func TestAutopsy(t *testing.T) {
	for name, x := range map[string]struct {
		end     Exit
		class   Class
		example string
	}{
		"throw":  {Exit{How: "exit status 2", Stderr: []byte("fatal error: sync: unlock of unlocked mutex\n\ngoroutine 1")}, ClassThrow, "fatal error: sync: unlock of unlocked mutex"},
		"fault":  {Exit{How: "exit status 2", Stderr: []byte("unexpected fault address 0x7f\nfatal error: fault\n[signal SIGSEGV: segmentation violation")}, ClassFault, "[signal SIGSEGV: segmentation violation"},
		"panic":  {Exit{How: "exit status 2", Stderr: []byte("log\npanic: kmem: Free of 0x1\n")}, ClassPanic, "panic: kmem: Free of 0x1"},
		"race":   {Exit{How: "exit status 66", Stderr: []byte("==================\nWARNING: DATA RACE\nRead at")}, ClassRace, "WARNING: DATA RACE"},
		"signal": {Exit{How: "signal: segmentation fault"}, ClassFault, "signal: segmentation fault"},
		"killed": {Exit{Killed: true, How: "signal: killed"}, ClassKilled, "killed by its parent"},
		"other":  {Exit{How: "exit status 7"}, ClassCrash, "exit status 7"},
	} {
		f := autopsy(x.end)
		if f == nil || f.Class != x.class || f.Example != x.example || f.Class.Explain() == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := autopsy(Exit{Clean: true, Stderr: []byte("panic: quoted")}); f != nil {
		t.Errorf("a clean end: %+v", f)
	}
}

// The verdict is the last that was heard of each torture, and the death.
func TestJudge(t *testing.T) {
	var reported bytes.Buffer
	for _, e := range []Evidence{
		{Torture: "a", Counts: []Count{{"sections", 1}}},
		{Torture: "a", Done: true, Counts: []Count{{"sections", 2}}},
		{Torture: "b", Findings: []Finding{{ClassForeign, 3, "word 1"}}},
	} {
		if err := WriteEvidence(&reported, e); err != nil {
			t.Fatal(err)
		}
	}
	reported.WriteString(`{"Torture":"c","Cou`) // it died here
	v, err := Judge(0, &reported, Exit{How: "exit status 2", Stderr: []byte("fatal error: x")})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Evidence) != 2 || v.Evidence[0].Counts[0].N != 2 || v.Evidence[1].Findings[0].N != 3 {
		t.Errorf("evidence %+v", v.Evidence)
	}
	if v.Death == nil || v.Death.Class != ClassThrow || !v.Found() || v.Failed() != "" {
		t.Errorf("verdict %+v", v)
	}
	clean, err := Judge(0, strings.NewReader(""), Exit{Clean: true})
	if err != nil || clean.Found() {
		t.Errorf("nothing reported, a clean end: %+v, %v", clean, err)
	}
	failed, _ := Judge(0, strings.NewReader(`{"Torture":"a","Failure":"refused"}`), Exit{Clean: true})
	if failed.Found() || failed.Failed() != "a: refused" {
		t.Errorf("a torture that could not run: %+v", failed)
	}
	if _, err := Judge(0, brokenReader{}, Exit{Clean: true}); err == nil {
		t.Error("a reader that fails: no error")
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }
