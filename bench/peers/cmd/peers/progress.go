// Progress on stderr: what runs, and how long it will take. See main.go for an
// overview.

package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// startup is what a process costs beside the time it measures, until it is known.
const startup = 100 * time.Millisecond

// progress tells how far a run is. On a terminal it keeps to one line; elsewhere
// it prints a line for each round.
type progress struct {
	w         io.Writer
	terminal  bool
	total     int
	done      int
	round     int
	begun     time.Time
	benchtime time.Duration
}

func newProgress(w io.Writer, steps []step, benchtime time.Duration) *progress {
	p := &progress{w: w, total: len(steps), round: -1, begun: time.Now(), benchtime: benchtime}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	fmt.Fprintf(w, "%d runs in %d rounds, about %v\n", p.total, steps[len(steps)-1].round+1, p.left())
	return p
}

// left is the time to go, from the mean of the steps so far.
func (p *progress) left() time.Duration {
	mean := p.benchtime + startup
	if p.done > 0 {
		mean = time.Since(p.begun) / time.Duration(p.done)
	}
	return (mean * time.Duration(p.total-p.done)).Round(time.Second)
}

func (p *progress) show(s step) {
	switch {
	case p.terminal:
		fmt.Fprintf(p.w, "\r\x1b[K%3d%%  round %d  %v  %s, %v to go", 100*p.done/p.total, s.round+1, s.cell, s.program.name, p.left())
	case s.round != p.round:
		fmt.Fprintf(p.w, "%3d%%  round %d, %v to go\n", 100*p.done/p.total, s.round+1, p.left())
	}
	p.round = s.round
}

func (p *progress) step() { p.done++ }

func (p *progress) say(format string, args ...any) {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *progress) end() {
	p.say("%d of %d runs in %v", p.done, p.total, time.Since(p.begun).Round(time.Second))
}
