// -verify: torture in a child process, and what its evidence means. See doc.go
// for the manual.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/slabrcu/slabrcu/bench"
	"github.com/slabrcu/slabrcu/kmem"
)

// childEnv marks the process that is tortured. A damaged process may die, hang
// or lie; the one that judges it must be another.
const childEnv = "SLABBENCH_VERIFY_CHILD"

func isChild() bool { return os.Getenv(childEnv) != "" }

// tortureHere is the child's side: torture, and report the evidence.
func tortureHere(ctx context.Context, stdout io.Writer, o *options) error {
	var failed error
	bench.Verify(ctx, bench.VerifyOptions{Flags: o.flags, Pattern: o.pattern, Duration: o.benchtime.D, Layout: o.layout}, func(e bench.Evidence) {
		if err := bench.WriteEvidence(stdout, e); err != nil {
			failed = err
		}
	})
	return failed
}

// patience is how much longer than its time a child may live. It needs some to
// give up on workers that hang.
const patience = 30 * time.Second

// verify is the parent's side: run the child, judge what it left, explain.
func verify(ctx context.Context, stderr io.Writer, args []string, o *options) error {
	fmt.Fprintf(stderr, "slabbench: torture with flags=%s for %v, in a process of its own\n", o.flags, o.benchtime)
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("verify: finding this program: %w", err)
	}
	limit, cancel := context.WithTimeout(ctx, o.benchtime.D+patience)
	defer cancel()
	child := exec.CommandContext(limit, exe, args...)
	child.Env = append(os.Environ(), childEnv+"=1")
	child.Cancel = func() error { return child.Process.Signal(os.Interrupt) }
	child.WaitDelay = 10 * time.Second // then it is killed
	var reported bytes.Buffer
	said := &head{limit: 64 << 10}
	child.Stdout, child.Stderr = &reported, said
	err = child.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && limit.Err() == nil {
		return fmt.Errorf("verify: running the child: %w", err)
	}
	v, jerr := bench.Judge(o.flags, &reported, bench.Exit{
		Clean:  err == nil,
		Killed: limit.Err() != nil && ctx.Err() == nil,
		How:    fmt.Sprint(err),
		Stderr: said.b,
	})
	if jerr != nil {
		return jerr
	}
	if ctx.Err() != nil {
		v.Death = nil // it died of the interrupt
	}
	writeVerdict(stderr, v, said.b)
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "Interrupted.")
	}
	switch {
	case v.Failed() != "":
		return fmt.Errorf("verify: %s", v.Failed())
	case v.Found():
		return errFailed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return nil
}

// head keeps the first bytes of what is written to it. A dying runtime says the
// reason first and then a lot.
type head struct {
	b     []byte
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), h.limit-len(h.b))]...)
	return len(p), nil
}

// writeVerdict prints the evidence, also of what found nothing, and then what
// it means.
func writeVerdict(w io.Writer, v *bench.Verdict, said []byte) {
	for i := range v.Evidence {
		writeEvidence(w, &v.Evidence[i])
	}
	if d := v.Death; d != nil {
		fmt.Fprintf(w, "\nThe process ended (%s): %s\n", d.Class, d.Example)
		if d.Class == bench.ClassCrash || d.Class == bench.ClassRace {
			fmt.Fprintf(w, "%s\n", said)
		}
	}
	fmt.Fprintln(w)
	writeMeaning(w, v)
}

func writeEvidence(w io.Writer, e *bench.Evidence) {
	end := ""
	if !e.Done {
		end = ", the last that was heard of it"
	}
	fmt.Fprintf(w, "\n%s, %v%s\n  must hold: %s\n", e.Torture, e.Took.Round(time.Millisecond), end, e.Oracle)
	for _, c := range e.Counts {
		fmt.Fprintf(w, "  %14d %s\n", c.N, c.Name)
	}
	switch {
	case e.Failure != "":
		fmt.Fprintf(w, "  could not run: %s\n", e.Failure)
	case !e.Found():
		fmt.Fprintln(w, "  found: nothing")
	}
	for _, f := range e.Findings {
		fmt.Fprintf(w, "  FOUND %d × %s, the first: %s\n", f.N, f.Class, f.Example)
	}
}

// writeMeaning explains the verdict in a paragraph.
func writeMeaning(w io.Writer, v *bench.Verdict) {
	control := v.Flags&kmem.DestroyByRCU == 0
	if v.Failed() != "" {
		return
	}
	if !v.Found() {
		fmt.Fprintf(w, "Nothing found with flags=%s.\n", v.Flags)
		if control && v.Complete() {
			fmt.Fprint(w, "This is the negative control, which should find something: its readers look at\npages that go back without a grace period. Give it more time.\n")
		}
		return
	}
	fmt.Fprintf(w, "Found with flags=%s:\n", v.Flags)
	var seen []bench.Class
	say := func(c bench.Class) {
		for _, s := range seen {
			if s == c {
				return
			}
		}
		seen = append(seen, c)
		fmt.Fprintf(w, "  %s: %s.\n", c, c.Explain())
	}
	for i := range v.Evidence {
		for _, f := range v.Evidence[i].Findings {
			say(f.Class)
		}
	}
	if v.Death != nil {
		say(v.Death.Class)
	}
	if control {
		fmt.Fprint(w, strings.TrimLeft(`
This is the negative control. Its readers do what DestroyByRCU permits: enter a
section, load an address, lock the object there, look again. But this cache was
made without the flag, so the pages of an empty slab went to another cache at
once, and a reader that came late read and wrote somebody else's memory. With
-flags=destroy_by_rcu the same readers find nothing.
`, "\n"))
	} else {
		fmt.Fprint(w, "This must not be: the mechanism is broken.\n")
	}
}
