// Profiles, with go test's flags and meaning. See doc.go for the manual.

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
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

// start begins all profiles. All files are made at once: a name that cannot be
// written ends the command before it has measured for a minute. stop ends the
// profiles and writes them.
func (p *profiles) start() (stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, s := range stops {
			errs = append(errs, s())
		}
		return errors.Join(errs...)
	}
	for _, one := range []struct {
		name  string
		start func(*os.File) (func() error, error)
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
		f, err := os.Create(one.name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("profile: %w", err), stop())
		}
		end, err := one.start(f)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("profile %s: %w", one.name, err), f.Close(), stop())
		}
		stops = append(stops, func() error {
			if err := errors.Join(end(), f.Close()); err != nil {
				return fmt.Errorf("profile %s: %w", one.name, err)
			}
			return nil
		})
	}
	return stop, nil
}

func startCPU(f *os.File) (func() error, error) {
	return func() error { pprof.StopCPUProfile(); return nil }, pprof.StartCPUProfile(f)
}

func startTrace(f *os.File) (func() error, error) {
	return func() error { trace.Stop(); return nil }, trace.Start(f)
}

// atEnd writes a profile that the runtime keeps anyway.
func atEnd(name string, before func()) func(*os.File) (func() error, error) {
	return func(f *os.File) (func() error, error) {
		return func() error {
			before()
			return pprof.Lookup(name).WriteTo(f, 0)
		}, nil
	}
}

// rated writes a profile that has to be switched on: every event counts.
func rated(name string, rate func(int)) func(*os.File) (func() error, error) {
	return func(f *os.File) (func() error, error) {
		rate(1)
		return atEnd(name, func() { rate(0) })(f)
	}
}
