// Where results go: standard output, or a file. See doc.go for the manual.

package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/slabrcu/slabrcu/bench"
	"golang.org/x/perf/benchfmt"
)

// output writes benchmark records.
type output struct {
	w       *benchfmt.Writer
	env     []bench.Key
	file    *wholeFile // nil when writing to standard output
	records int
}

// newOutput opens the output. A file gets its name when close is called.
func newOutput(stdout io.Writer, name string, env []bench.Key) (*output, error) {
	o := &output{env: env}
	w := stdout
	if name != "" {
		f, err := createWhole(name)
		if err != nil {
			return nil, fmt.Errorf("-o %w", err)
		}
		o.file, w = f, f
	}
	o.w = benchfmt.NewWriter(w)
	for _, u := range bench.UnitMetadata() {
		if err := o.w.Write(u); err != nil {
			return nil, errors.Join(o.explain(err), o.close(true))
		}
	}
	return o, nil
}

// write writes one result.
func (o *output) write(r *bench.Result) error {
	if err := o.w.Write(r.Record(o.env)); err != nil {
		return o.explain(err)
	}
	o.records++
	return nil
}

// explain says what a failed write means for the results.
func (o *output) explain(err error) error {
	switch {
	case errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("standard output was closed after %d results: %w", o.records, err)
	case o.file != nil && o.file.target == "":
		return fmt.Errorf("-o %s: %w after %d results", o.file.name, err, o.records)
	case o.file != nil:
		return fmt.Errorf("-o %s: no file was written: %w", o.file.name, err)
	}
	return fmt.Errorf("writing results: %w", err)
}

// close gives the file its name. Without a single result, or after a failure,
// there is no file.
func (o *output) close(failed bool) error {
	switch {
	case o.file == nil:
		return nil
	case failed || o.records == 0:
		return o.file.discard()
	}
	return o.file.keep()
}
