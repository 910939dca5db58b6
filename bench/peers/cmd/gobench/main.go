// Gobench runs one workload over one Go peer and prints its line in the Go
// benchmark format. Its flags are those of the C programs, and three of Table.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/slabrcu/slabrcu/bench/peers"
)

func main() {
	if err := run(os.Stdout, os.Stderr, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gobench:", err)
		os.Exit(2)
	}
}

func run(stdout, stderr io.Writer, args []string) error {
	var o peers.Options
	f := flag.NewFlagSet("gobench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.Bench, "bench", "Pair", "workload: "+strings.Join(peers.Benches, ", ")+", Table")
	f.StringVar(&o.Impl, "impl", "new", "peer: "+strings.Join(peers.Impls, ", ")+"; in Table "+strings.Join(peers.TableImpls, ", "))
	f.IntVar(&o.Size, "size", 64, "bytes of an object")
	f.IntVar(&o.Live, "live", 1, "objects alive at once in Pair")
	f.IntVar(&o.CPUs, "cpu", 1, "workers")
	f.DurationVar(&o.Time, "benchtime", 100*time.Millisecond, "how long to measure")
	f.IntVar(&o.N, "n", 10_000, "entries in Table")
	f.StringVar(&o.Dist, "dist", "uniform", "how keys are drawn in Table: "+strings.Join(peers.Dists, ", "))
	f.IntVar(&o.Lookups, "lookups", 99, "lookups of 100 operations in Table")
	if err := f.Parse(args); err != nil {
		return err
	}
	line, err := peers.Measure(o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, line)
	return err
}
