// Running the steps and writing the file. See main.go for an overview.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/perf/benchfmt"
)

// measure runs the steps in order and writes their results to the file of s,
// which gets its name when it is complete. A step that fails is reported and
// left out. When ctx ends it returns early and keeps what it has.
func measure(ctx context.Context, stderr io.Writer, s *settings, steps []step, env []benchfmt.Config) (failures int, err error) {
	partial := s.out + ".partial"
	f, err := os.Create(partial)
	if err != nil {
		return 0, err
	}
	w := benchfmt.NewWriter(f)
	bar := newProgress(stderr, steps, s.benchtime)
	done := 0
	for _, step := range steps {
		if ctx.Err() != nil {
			break
		}
		bar.show(step)
		results, err := step.run(ctx, s.benchtime)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			failures++
			bar.say("%s on %v, round %d: %v", step.program.name, step.cell, step.round+1, err)
		}
		for _, r := range results {
			r.Config = env
			if err := w.Write(r); err != nil {
				return failures, errors.Join(err, f.Close(), os.Remove(partial))
			}
			done++
		}
		bar.step(step)
	}
	bar.end()
	if err := errors.Join(f.Close(), keep(ctx, stderr, partial, s.out, done)); err != nil {
		return failures, err
	}
	return failures, nil
}

// keep gives the file its name, or removes it when there is nothing in it.
func keep(ctx context.Context, stderr io.Writer, partial, name string, results int) error {
	if results == 0 {
		return errors.Join(errors.New("nothing was measured"), os.Remove(partial))
	}
	if ctx.Err() != nil {
		fmt.Fprintf(stderr, "interrupted: the table holds what was measured until then\n")
	}
	return os.Rename(partial, name)
}

// patience is how long a run may take beyond any reason.
const patience = time.Minute

// run runs the step's process and returns the results it printed, without its
// configuration.
func (s step) run(ctx context.Context, benchtime time.Duration) ([]*benchfmt.Result, error) {
	limited, cancel := context.WithTimeout(ctx, patience+100*benchtime)
	defer cancel()
	cmd := exec.CommandContext(limited, s.program.path, append(s.args, "-benchtime", benchtime.String())...)
	cmd.Env = append(os.Environ(), s.program.env...)
	cmd.WaitDelay = time.Second // a grandchild may hold the pipe open
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := runQuietly(cmd); err != nil {
		if limited.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("stopped after %v", patience+100*benchtime)
		}
		return nil, err
	}
	results, err := parse(&stdout, s.program.name)
	if err == nil && len(results) == 0 {
		err = errors.New("printed no result")
	}
	return results, err
}

// parse reads the results of one process.
func parse(r io.Reader, name string) (results []*benchfmt.Result, err error) {
	reader := benchfmt.NewReader(r, name)
	for reader.Scan() {
		switch rec := reader.Result().(type) {
		case *benchfmt.Result:
			c := rec.Clone()
			c.Config = nil
			results = append(results, c)
		case *benchfmt.SyntaxError:
			err = errors.Join(err, rec)
		}
	}
	return results, errors.Join(err, reader.Err())
}
