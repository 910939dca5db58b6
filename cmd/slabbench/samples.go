// -sample: time lines in a CSV file beside the results. See doc.go for the
// manual.

package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/slabrcu/slabrcu/bench"
)

// samplesSuffix is what the companion's name has behind that of the results.
const samplesSuffix = ".samples.csv"

// sampleHeader names the columns. A run counts the measurements of one name from
// 1; seconds are since that measurement began.
var sampleHeader = []string{
	"benchmark", "run", "seconds", "objects", "slabs", "live-B", "limbo-B", "free-B",
	"resident-B", "grace-periods", "gcs", "go-heap-B",
}

// samples writes the companion file.
type samples struct {
	file *wholeFile

	mu   sync.Mutex // samples come from a goroutine of their own
	csv  *csv.Writer
	runs map[string]int
}

// newSamples opens the companion; nil when there is none to write.
func newSamples(o *options) (*samples, error) {
	if o.sample == 0 {
		return nil, nil
	}
	f, err := createWhole(o.output + samplesSuffix)
	if err != nil {
		return nil, fmt.Errorf("-sample %w", err)
	}
	s := &samples{file: f, csv: csv.NewWriter(f), runs: map[string]int{}}
	return s, s.csv.Write(sampleHeader)
}

// write writes one sample. Errors stay in the writer until close.
func (s *samples) write(c *bench.Case, x bench.Sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := c.Name()
	if x.At == 0 {
		s.runs[name]++
	}
	u := func(n uint64) string { return strconv.FormatUint(n, 10) }
	_ = s.csv.Write([]string{
		name, strconv.Itoa(s.runs[name]), strconv.FormatFloat(x.At.Seconds(), 'f', 6, 64),
		u(x.Objects), u(x.Slabs), u(x.Live), u(x.Limbo), u(x.Free),
		strconv.FormatInt(x.Resident, 10), u(x.GracePeriods), u(x.GCs), u(x.GoHeap),
	})
}

// close gives the file its name, unless the results have none either.
func (s *samples) close(failed bool) error {
	if s == nil {
		return nil
	}
	s.csv.Flush()
	if err := s.csv.Error(); err != nil {
		return errors.Join(fmt.Errorf("%s: no file was written: %w", s.file.name, err), s.file.discard())
	}
	if failed {
		return s.file.discard()
	}
	return s.file.keep()
}
