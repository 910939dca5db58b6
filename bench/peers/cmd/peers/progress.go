// Progress on stderr: what runs, and how long it will take. See main.go for an
// overview.

package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

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
	meant     time.Duration // what the steps so far were expected to take
	rest      time.Duration // what the others are
}

func newProgress(w io.Writer, steps []step, benchtime time.Duration) *progress {
	p := &progress{w: w, total: len(steps), round: -1, begun: time.Now(), benchtime: benchtime, rest: estimate(steps, benchtime)}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	announce(w, steps, benchtime)
	return p
}

// announce says what is going to happen and how long it will take.
func announce(w io.Writer, steps []step, benchtime time.Duration) {
	fmt.Fprintf(w, "%d runs in %d rounds, about %v in all\n", len(steps), steps[len(steps)-1].round+1, estimate(steps, benchtime).Round(time.Second))
}

func estimate(steps []step, benchtime time.Duration) (d time.Duration) {
	for _, s := range steps {
		d += s.expected(benchtime)
	}
	return d
}

// left is the time to go: what is expected, corrected by how it came out so far.
func (p *progress) left() time.Duration {
	d := p.rest
	if p.meant > 0 {
		d = time.Duration(float64(p.rest) * float64(time.Since(p.begun)) / float64(p.meant))
	}
	return d.Round(time.Second)
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

// step is called when a step is done.
func (p *progress) step(s step) {
	p.done++
	d := s.expected(p.benchtime)
	p.meant, p.rest = p.meant+d, p.rest-d
}

func (p *progress) say(format string, args ...any) {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	fmt.Fprintf(p.w, format+"\n", args...)
}

func (p *progress) end() {
	p.say("%d of %d runs in %v", p.done, p.total, time.Since(p.begun).Round(time.Second))
}
