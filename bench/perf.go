// What the processor and the kernel count of a round: cycles, misses, faults per
// operation.
//
// See doc.go for an overview.

package bench

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/slabrcu/slabrcu/internal/perfevent"
)

// PerfEvents are the events that rounds are to be counted by. Its zero value
// counts nothing.
type PerfEvents struct{ events []perfevent.Event }

// NewPerfEvents returns what this machine can count, and one line about what it
// cannot, or "".
func NewPerfEvents() (p PerfEvents, missing string) {
	runtime.LockOSThread() // probes count their thread
	defer runtime.UnlockOSThread()
	var why error
	var names []string
	hardware := 0
	for _, e := range append(perfevent.Hardware(), perfevent.PageFaults) {
		err := perfevent.Missing(e)
		if err == nil {
			p.events = append(p.events, e)
			if e.IsHardware() {
				hardware++
			}
			continue
		}
		names = append(names, e.String())
		why = errors.Join(why, err)
	}
	switch {
	case why == nil:
		return p, ""
	case len(p.events) == 0:
		return p, "no perf events here: " + firstOf(why)
	case hardware == 0:
		return p, fmt.Sprintf("no PMU here: %s; page faults are counted", firstOf(why))
	}
	return p, "this PMU does not count " + strings.Join(names, ", ")
}

// firstOf is the first of the errors that were joined.
func firstOf(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// counting is what one round counts. A worker on an emulated CPU has counters of
// its own, which run while its clock runs. Plain goroutines change their threads:
// with them the whole process is counted from the opening of the gate to the
// last measured worker's end.
type counting struct {
	events  []perfevent.Event
	process *perfevent.Counters
	failed  error // the first error; figures are left out then
}

// wanted reports whether a round is counted at all.
func (c *counting) wanted() bool { return len(c.events) > 0 }

// open makes counters of a scope; nil when none are wanted.
func (c *counting) open(s perfevent.Scope) (*perfevent.Counters, error) {
	if !c.wanted() {
		return nil, nil
	}
	return perfevent.Open(s, c.events...)
}

// openProcess makes ready to count a gang of goroutines.
func (c *counting) openProcess() {
	c.process, c.failed = c.open(perfevent.Process)
}

func (c *counting) begin() {
	if c.process != nil {
		c.failed = errors.Join(c.failed, c.process.Enable())
	}
}

func (c *counting) end() {
	if c.process != nil {
		c.failed = errors.Join(c.failed, c.process.Disable())
	}
}

// closeProcess reads what the process counted, after the gang has ended.
func (c *counting) closeProcess() (counts []perfevent.Count) {
	if c.process == nil {
		return nil
	}
	counts, err := c.process.Read()
	c.failed = errors.Join(c.failed, err, c.process.Close())
	return counts
}

// perfCounters are those of one worker. Their errors stay with them until the
// round is summed up.
type perfCounters struct {
	open   *perfevent.Counters
	counts []perfevent.Count
	err    error
	lost   bool // the work went on in threads that nobody counts
}

// prepare opens the worker's own counters, when it is locked to a thread.
func (w *Worker) prepare() {
	if w.CPU != nil {
		w.perf.open, w.perf.err = w.round.counting.open(perfevent.Thread)
	}
}

func (p *perfCounters) start() {
	if p.open != nil {
		p.err = errors.Join(p.err, p.open.Enable())
	}
}

// stop ends the counting and keeps the counts.
func (p *perfCounters) stop() {
	if p.open == nil {
		return
	}
	err := p.open.Disable()
	counts, rerr := p.open.Read()
	p.counts = counts
	p.err = errors.Join(p.err, err, rerr, p.open.Close())
	p.open = nil
}

// abandon closes the counters of a worker that died before its End.
func (p *perfCounters) abandon() {
	if p.open != nil {
		p.err = errors.Join(p.err, p.open.Close())
		p.open = nil
	}
}

// lose gives up the counting of a worker whose work goes on elsewhere.
func (p *perfCounters) lose() {
	p.lost = p.lost || p.open != nil
	p.abandon()
}

// perfFigures are the round's counts per operation. An event that never had its
// turn among too many is left out, and all are when a worker changed its thread.
func (r *Round) perfFigures(ops float64) (sums, error) {
	err := r.counting.failed
	all := r.perf
	for _, w := range r.workers {
		if w.perf.lost {
			return nil, nil
		}
		all = append(all, w.perf.counts...)
		err = errors.Join(err, w.perf.err)
	}
	if err != nil {
		return nil, fmt.Errorf("-perf: %w", err)
	}
	var out sums
	unknown := map[string]bool{}
	for _, c := range all {
		unknown[c.Event.String()] = unknown[c.Event.String()] || c.Share == 0
		out.add(c.Event.String()+"/op", c.N/ops)
	}
	var known sums
	for _, v := range out {
		if !unknown[strings.TrimSuffix(v.Unit, "/op")] {
			known = append(known, v)
		}
	}
	return known, nil
}
