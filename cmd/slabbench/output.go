// Where results go: standard output, or a file that appears whole or not at all.
// See main.go for the manual.

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/slabrcu/slabrcu/bench"
	"golang.org/x/perf/benchfmt"
)

// output writes benchmark records.
type output struct {
	w       *benchfmt.Writer
	env     []bench.Key
	file    *os.File // temporary; nil when writing to standard output
	name    string   // final name of the file
	records int
}

// newOutput opens the output. The file gets its name when Close is called.
func newOutput(stdout io.Writer, name string, env []bench.Key) (*output, error) {
	o := &output{env: env, name: name}
	w := stdout
	if name != "" {
		f, err := os.CreateTemp(filepath.Dir(name), ".slabbench-*")
		if err != nil {
			return nil, fmt.Errorf("-o %s: %w", name, err)
		}
		o.file, w = f, f
	}
	o.w = benchfmt.NewWriter(w)
	for _, u := range bench.UnitMetadata() {
		if err := o.w.Write(u); err != nil {
			return nil, errors.Join(o.explain(err), o.discard())
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
	case o.name != "":
		return fmt.Errorf("-o %s: no file was written: %w", o.name, err)
	}
	return fmt.Errorf("writing results: %w", err)
}

// close gives the file its name. Without a single result there is no file. It
// may be called after a failed write: then it only cleans up.
func (o *output) close(failed bool) error {
	if o.file == nil {
		return nil
	}
	if failed || o.records == 0 {
		return o.discard()
	}
	// Group and others may read results, as far as the umask allows.
	if err := errors.Join(o.file.Chmod(0o644), o.file.Sync(), o.file.Close()); err != nil {
		return errors.Join(o.explain(err), os.Remove(o.file.Name()))
	}
	if err := os.Rename(o.file.Name(), o.name); err != nil {
		return errors.Join(o.explain(err), os.Remove(o.file.Name()))
	}
	return nil
}

func (o *output) discard() error {
	if o.file == nil {
		return nil
	}
	return errors.Join(o.file.Close(), os.Remove(o.file.Name()))
}
