// Peers runs our scenarios and those of other allocators and RCU libraries in
// turns, and prints one table of medians, ratios and goals.
//
//	peers [-rounds 10] [-benchtime 100ms] [-bench REGEXP] [-size 64,256] [-cpu 1,2] [-o peers.txt]
//	peers -list        what would run, and who is missing and why
//	peers -from FILE   the table of an earlier run
//
// Every figure goes to one file in the Go benchmark format (-o), which benchstat
// reads; the medians go beside it as CSV; the table is printed on stdout, all
// else on stderr. A run that fails is said and left out. An interrupted one keeps
// and tabulates what it has measured, and ends with status 130.
//
// The walk: build.go makes the programs, program.go says what each can run,
// plan.go puts the runs in order, measure.go runs them and writes the file,
// stats.go reads it back as medians and ratios, goals.go holds what must be reached, and
// table.go prints how far that is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// errInterrupted ends a run whose table has been printed.
var errInterrupted = errors.New("interrupted")

func main() {
	err := run(os.Stdout, os.Stderr, os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errInterrupted):
		os.Exit(130) // as shells have it for a program ended by Ctrl-C
	case err != nil:
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// settings are the flags, parsed.
type settings struct {
	selection
	rounds    int
	benchtime time.Duration
	out       string // benchmark file
	from      string // benchmark file of an earlier run
	dir       string // of this module
	list      bool
}

func parseFlags(stderr io.Writer, args []string) (*settings, error) {
	s := &settings{selection: selection{sizes: []int{64, 256}, cpus: []int{1, 2}, cores: runtime.NumCPU()}}
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&s.rounds, "rounds", 10, "how often each cell is run; 6 or more give confidence intervals")
	f.DurationVar(&s.benchtime, "benchtime", 100*time.Millisecond, "how long one run measures")
	f.Var(&s.bench, "bench", "run only the workloads that match this `regexp`")
	f.Var(&s.sizes, "size", "object `sizes` in bytes, comma-separated")
	f.Var(&s.cpus, "cpu", "`numbers` of CPUs, comma-separated")
	f.StringVar(&s.out, "o", "peers.txt", "benchmark `file` to write; the medians go beside it as .csv")
	f.StringVar(&s.from, "from", "", "print the table of this benchmark `file`; run nothing")
	f.StringVar(&s.dir, "dir", ".", "`folder` of the peers' module")
	f.BoolVar(&s.list, "list", false, "list what would run and what is missing")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("argument %q: there are only flags", f.Arg(0))
	}
	if s.rounds < 1 || s.benchtime <= 0 {
		return nil, fmt.Errorf("-rounds %d -benchtime %v: both must be above 0", s.rounds, s.benchtime)
	}
	return s, nil
}

func run(stdout, stderr io.Writer, args []string) error {
	s, err := parseFlags(stderr, args)
	if err != nil {
		return err
	}
	if s.from != "" {
		return tabulate(stdout, s.from)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second Ctrl-C ends the process at once.
	defer context.AfterFunc(ctx, stop)()

	programs, err := build(ctx, s.dir)
	if err != nil {
		return err
	}
	cells := s.cells()
	if len(cells) == 0 {
		return fmt.Errorf("-bench %v matches no workload; there are %v", &s.bench, workloadNames())
	}
	steps := plan(s.rounds, cells, programs)
	if s.list {
		if len(steps) > 0 {
			announce(stderr, steps, s.benchtime)
		}
		return list(stdout, cells, programs)
	}
	for _, p := range programs {
		if p.missing != "" {
			fmt.Fprintf(stderr, "without %s: %s\n", p.name, p.missing)
		}
	}
	if len(steps) == 0 {
		return errors.New("every program is missing")
	}
	failures, err := measure(ctx, stderr, s, steps, environment(ctx, s.dir, programs))
	if err != nil {
		return err
	}
	if err := tabulate(stdout, s.out); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	if failures > 0 {
		return fmt.Errorf("%d of %d runs failed, see above", failures, len(steps))
	}
	return nil
}

func list(w io.Writer, cells []cell, programs []*program) error {
	for _, p := range programs {
		status := "ready"
		if p.missing != "" {
			status = "missing: " + p.missing
		}
		fmt.Fprintf(w, "%-14s %s\n", p.name, status)
	}
	fmt.Fprintln(w)
	for _, c := range cells {
		fmt.Fprintf(w, "%-40v", c)
		for _, p := range programs {
			if p.missing == "" && len(p.runs(c)) > 0 {
				fmt.Fprintf(w, " %s", p.name)
			}
		}
		fmt.Fprintln(w)
	}
	return nil
}
