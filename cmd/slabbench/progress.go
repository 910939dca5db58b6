// Progress on standard error: a bar on a terminal, a line for each case
// elsewhere. See doc.go for the manual.

package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/slabrcu/slabrcu/bench"
	"golang.org/x/perf/benchunit"
)

// progress tells people how far a run has come.
type progress interface {
	starting(*bench.Case)
	pause() // something else is going to be written
	done(bench.Outcome)
	end()
}

func newProgress(w io.Writer, plan *bench.Plan) progress {
	if !isTerminal(w) {
		return &lines{w: w, plan: plan, cases: len(plan.Cases), left: plan.Estimate()}
	}
	return &terminalBar{progressbar.NewOptions(len(plan.Cases),
		progressbar.OptionSetWriter(w),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetWidth(20),
	)}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && !os.SameFile(st, null)
}

// terminalBar is for a terminal. Its errors are those of writing to it: there is nobody
// left to tell.
type terminalBar struct{ b *progressbar.ProgressBar }

func (p *terminalBar) starting(c *bench.Case) { p.b.Describe(c.Name()) }

func (p *terminalBar) pause() { _ = p.b.Clear() }

func (p *terminalBar) done(o bench.Outcome) {
	if o.Err != nil {
		_, _ = progressbar.Bprintln(p.b, "failed:", o.Err)
	}
	_ = p.b.Add(1)
}

func (p *terminalBar) end() { _ = p.b.Finish() }

// lines is for a file or a pipe.
type lines struct {
	w     io.Writer
	plan  *bench.Plan
	cases int
	n     int
	took  time.Duration // so far
	meant time.Duration // it was estimated for that
	left  time.Duration // the estimate of the rest
}

func (p *lines) starting(*bench.Case) {}

func (p *lines) pause() {}

func (p *lines) done(o bench.Outcome) {
	p.n++
	p.took += o.Took
	figure := "failed: " + errText(o.Err)
	if o.Err == nil {
		ns, _ := o.Result.Get("ns/op")
		figure = benchunit.Scale(ns*1e-9, benchunit.Decimal) + "s"
	}
	fmt.Fprintf(p.w, "%*d/%d  %4s left  %-70s %s\n", digits(p.cases), p.n, p.cases, p.togo(o.Case).Round(time.Second), o.Case.Name(), figure)
}

// togo is the estimate of the rest, corrected by how the estimates so far came
// out; without estimates it is the mean of the cases so far.
func (p *lines) togo(c *bench.Case) time.Duration {
	expected := p.plan.EstimateOf(c)
	p.meant += expected
	p.left -= expected
	if p.meant <= 0 {
		return p.took / time.Duration(p.n) * time.Duration(p.cases-p.n)
	}
	return time.Duration(float64(p.left) * float64(p.took) / float64(p.meant))
}

func (p *lines) end() {}

func digits(n int) int { return len(fmt.Sprint(n)) }

// errText is the first line of an error: a panic's reason without its stack.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return firstLine(err.Error())
}
