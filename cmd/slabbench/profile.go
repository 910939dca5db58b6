// Profiles, with go test's flags and meaning. See doc.go for the manual.

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
)

// profiles are the files that profiles go to; empty is none.
type profiles struct {
	cpu, mem, kmem, mutex, block, trace string
}

func (p *profiles) declare(fs *flag.FlagSet) {
	fs.StringVar(&p.cpu, "cpuprofile", "", "write a CPU profile to `file`; its labels are scenario, role, cpus and the keys")
	fs.StringVar(&p.mem, "memprofile", "", "write a profile of the Go heap to `file`")
	fs.StringVar(&p.kmem, "kmemprofile", "", "write a profile of the memory off the Go heap to `file`")
	fs.StringVar(&p.mutex, "mutexprofile", "", "write a profile of contended mutexes to `file`")
	fs.StringVar(&p.block, "blockprofile", "", "write a profile of blocking to `file`")
	fs.StringVar(&p.trace, "trace", "", "write an execution trace to `file`")
}

// running is the profiles under way. Their files appear whole or not at all.
type running []func(failed bool) error

// stop ends the profiles. After a failure no file stays: what it would show is not
// what was asked for.
func (r running) stop(failed bool) error {
	var errs []error
	for _, end := range r {
		errs = append(errs, end(failed))
	}
	return errors.Join(errs...)
}

// start begins all profiles. All files are made at once: a name that cannot be
// written ends the command before it has measured for a minute.
func (p *profiles) start() (running, error) {
	var begun running
	for _, one := range []struct {
		name  string
		start func(io.Writer) (func() error, error)
	}{
		{p.cpu, startCPU},
		{p.trace, startTrace},
		{p.mem, atEnd("allocs", func() { runtime.GC() })},
		{p.mutex, rated("mutex", func(n int) { runtime.SetMutexProfileFraction(n) })},
		{p.block, rated("block", runtime.SetBlockProfileRate)},
	} {
		if one.name == "" {
			continue
		}
		f, err := createWhole(one.name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("profile %w", err), begun.stop(true))
		}
		w := &remembering{w: f}
		end, err := one.start(w)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("profile %s: %w", one.name, err), f.discard(), begun.stop(true))
		}
		begun = append(begun, func(failed bool) error {
			err := errors.Join(end(), w.err)
			return endProfile(f, failed, err)
		})
	}
	return begun, nil
}

// endProfile gives a profile its name, unless it or the run has failed.
func endProfile(f *wholeFile, failed bool, err error) error {
	switch {
	case err != nil:
		return errors.Join(fmt.Errorf("profile %s: no file was written: %w", f.name, err), f.discard())
	case failed:
		return f.discard()
	}
	if err := f.keep(); err != nil {
		return fmt.Errorf("profile %w", err)
	}
	return nil
}

// remembering keeps the first error of a writer: the runtime writes CPU profiles and
// traces in the background and tells nobody.
type remembering struct {
	w   io.Writer
	err error // read when the writing has ended
}

func (r *remembering) Write(b []byte) (int, error) {
	n, err := r.w.Write(b)
	if r.err == nil {
		r.err = err
	}
	return n, err
}

func startCPU(f io.Writer) (func() error, error) {
	return func() error { pprof.StopCPUProfile(); return nil }, pprof.StartCPUProfile(f)
}

func startTrace(f io.Writer) (func() error, error) {
	return func() error { trace.Stop(); return nil }, trace.Start(f)
}

// atEnd writes a profile that the runtime keeps anyway.
func atEnd(name string, before func()) func(io.Writer) (func() error, error) {
	return func(f io.Writer) (func() error, error) {
		return func() error {
			before()
			return pprof.Lookup(name).WriteTo(f, 0)
		}, nil
	}
}

// rated writes a profile that has to be switched on: every event counts.
func rated(name string, rate func(int)) func(io.Writer) (func() error, error) {
	return func(f io.Writer) (func() error, error) {
		rate(1)
		return atEnd(name, func() { rate(0) })(f)
	}
}
