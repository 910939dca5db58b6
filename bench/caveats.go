// Caveats: what a reader of the figures must know about the machine and the
// samples before believing them.
//
// See doc.go for an overview.

package bench

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/slabrcu/slabrcu/smp"
)

// fewSamples is the number of samples below which no difference of two medians
// can be shown at the usual levels.
const fewSamples = 6

// noisyPercent is the half-width of an interval, in percent of the median, above
// which a figure is called noisy.
const noisyPercent = 10

// Caveats returns warnings about the machine as it is now. load is the load
// average before the run started.
func Caveats(cpus []int, load float64) []string {
	var out []string
	if top := smp.Topology(); top.VM {
		out = append(out, fmt.Sprintf("this is a virtual machine (%s): its CPUs come and go, and two of them may be near or far from one another", virtual(top)))
	}
	cores := runtime.NumCPU()
	if most := slices.Max(append(cpus, 0)); most > cores {
		out = append(out, fmt.Sprintf("%d CPUs on %d cores: they take turns, so times include waiting", most, cores))
	}
	if load > 0.5*float64(cores) {
		out = append(out, fmt.Sprintf("the machine was busy before the start (load average %.2f on %d cores)", load, cores))
	}
	if raceEnabled {
		out = append(out, "built with the race detector: figures say nothing about speed")
	}
	return out
}

// SampleCaveats returns warnings about the samples behind a table.
func SampleCaveats(summaries []Summary) []string {
	var few, noisy []string
	for _, s := range summaries {
		if s.Unit != "sec/op" {
			continue
		}
		switch {
		case s.N < fewSamples:
			few = append(few, s.Case.Name())
		case 100*(s.Hi-s.Lo)/2 > noisyPercent*s.Center:
			noisy = append(noisy, s.Case.Name())
		}
	}
	var out []string
	if len(few) > 0 {
		out = append(out, fmt.Sprintf("fewer than %d samples (%s): no interval, and no difference can be shown; use -count=%d or more", fewSamples, some(few), max(fewSamples, 10)))
	}
	if len(noisy) > 0 {
		out = append(out, fmt.Sprintf("noisy, the interval is wider than ±%d%%: %s", noisyPercent, some(noisy)))
	}
	return out
}

// some names the first few of a list.
func some(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// LoadAverage returns the system's load over the last minute, or 0 where it does
// not tell.
func LoadAverage() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return load
}
