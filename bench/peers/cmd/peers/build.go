// Building the programs, and finding out which peers are here. See main.go for
// an overview.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/slabrcu/slabrcu/bench/peers"
)

// source is a C program. All are linked with bench.c.
type source struct {
	name    string
	files   string // in c/
	defines string
	libs    string
	header  string // that must be there
	pkg     string // Debian package of the header
}

var allocSource = source{name: "alloc", files: "alloc.c own.c handoff.c fresh.c"}

// bareSources are the same over hardly an allocator.
var bareSources = []source{
	{name: "bare", files: allocSource.files + " bare.c", defines: `-DBARE="bare"`},
	{name: "checked", files: allocSource.files + " bare.c", defines: `-DBARE="checked" -DCHECKED`},
	{name: "drained", files: allocSource.files + " bare.c", defines: `-DBARE="drained" -DCHECKED -DDRAINED`},
	{name: "leased", files: allocSource.files + " bare.c", defines: `-DBARE="leased" -DCHECKED -DLEASED`},
}

// rcuSources are the reader programs and the benchmarks that each can run.
var rcuSources = []struct {
	source
	impl    string
	benches string
}{
	{source{"liburcu-qsbr", "urcu_bench.c", "-DRCU_QSBR", "-lurcu-qsbr", "urcu-qsbr.h", "liburcu-dev"}, "liburcu", "ReadSection Synchronize Call"},
	{source{"liburcu-memb", "urcu_bench.c", "-DRCU_MEMBARRIER", "-lurcu-memb", "urcu.h", "liburcu-dev"}, "liburcu", "ReadSection Synchronize Call"},
	{source{"liburcu-mb", "urcu_bench.c", "-DRCU_MB", "-lurcu-mb", "urcu.h", "liburcu-dev"}, "liburcu", "ReadSection Synchronize Call"},
	{source{"ck", "ck_bench.c", "", "-lck", "ck_epoch.h", "libck-dev"}, "ck", "ReadSection Synchronize"},
	{source{"xchg", "xchg_bench.c", "", "", "", ""}, "xchg", "ReadSection"},
	{source{"bare-qsbr", "bare_qsbr.c", "", "", "", ""}, "bare", "ReadSection Synchronize"},
}

// preloads are the mallocs by name: the libraries to look for, and their
// Debian package.
var preloads = []struct {
	impl string
	sos  []string
	pkg  string
}{
	{"glibc", []string{""}, "libc6"},
	{"mimalloc", []string{"libmimalloc.so.2.0", "libmimalloc.so.2", "libmimalloc.so"}, "libmimalloc2.0"},
	{"jemalloc", []string{"libjemalloc.so.2", "libjemalloc.so"}, "libjemalloc2"},
	{"tcmalloc", []string{"libtcmalloc.so.4", "libtcmalloc_minimal.so.4"}, "libgoogle-perftools4"},
}

// build makes every program that can be made here, ours first. An error says
// that dir is not the peers' module; a program that cannot be made only says so
// in its missing.
func build(ctx context.Context, dir string) ([]*program, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "c", "bench.h")); err != nil {
		return nil, fmt.Errorf("-dir %s is not the folder of the peers' module: %w", dir, err)
	}
	programs := []*program{goProgram(ctx, filepath.Join(dir, "..", ".."), dir, "slabbench")}
	programs[0].name, programs[0].impl, programs[0].runs = ours, ours, oursRuns
	programs = append(programs, allocPrograms(ctx, dir)...)
	programs = append(programs, goPeers(ctx, dir)...)
	return append(programs, rcuPrograms(ctx, dir)...), nil
}

// goProgram builds ./cmd/NAME of the module in from into dir's bin.
func goProgram(ctx context.Context, from, dir, name string) *program {
	p := &program{path: filepath.Join(dir, "bin", name)}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", p.path, "./cmd/"+name)
	cmd.Dir = from
	if err := runQuietly(cmd); err != nil {
		p.missing = fmt.Sprintf("go build ./cmd/%s: %v", name, err)
	}
	return p
}

func goPeers(ctx context.Context, dir string) []*program {
	built := goProgram(ctx, dir, dir, "gobench")
	var programs []*program
	for _, impl := range slices.Concat(peers.Impls, peers.TableImpls) {
		p := *built
		p.name, p.impl, p.runs = impl, impl, goRuns(impl)
		programs = append(programs, &p)
	}
	return programs
}

// allocPrograms is one program in several roles: over each malloc, over hardly an
// allocator, and three without any.
func allocPrograms(ctx context.Context, dir string) []*program {
	path, reason := compile(ctx, dir, allocSource)
	var programs []*program
	for _, l := range preloads {
		p := &program{name: l.impl, impl: l.impl, path: path, missing: reason, library: l.pkg, runs: mallocRuns(l.impl)}
		if reason == "" {
			p.preload(ctx, l.sos)
		}
		programs = append(programs, p)
	}
	for _, s := range bareSources {
		path, reason := compile(ctx, dir, s)
		programs = append(programs, &program{name: s.name, impl: s.name, path: path, missing: reason, runs: bareRuns(s.name)})
	}
	return append(programs,
		&program{name: "ring", impl: "ring", path: path, missing: reason, runs: only("ProdCons", "ring")},
		&program{name: "popped", impl: "popped", path: path, missing: reason, runs: only("ProdCons", "popped")},
		&program{name: "loop", impl: "loop", path: path, missing: reason, runs: only("Loop", "loop")})
}

// preload takes the first of the libraries that the program finds itself
// running on: it checks where its malloc comes from.
func (p *program) preload(ctx context.Context, sos []string) {
	var err error
	for _, so := range sos {
		if so != "" {
			p.env = []string{"LD_PRELOAD=" + so}
		}
		cmd := exec.CommandContext(ctx, p.path, "-bench", "Pair", "-benchtime", "1ms", "-impl", p.impl)
		cmd.Env = append(os.Environ(), p.env...)
		if err = runQuietly(cmd); err == nil {
			return
		}
	}
	p.missing = fmt.Sprintf("no library %s (Debian package %s)", sos[0], p.library)
	if sos[0] == "" {
		p.missing = err.Error()
	}
}

func rcuPrograms(ctx context.Context, dir string) []*program {
	var programs []*program
	for _, s := range rcuSources {
		path, reason := compile(ctx, dir, s.source)
		programs = append(programs, &program{name: s.name, impl: s.impl, path: path, missing: reason,
			library: s.pkg, runs: rcuRuns(s.impl, s.benches)})
	}
	return programs
}

// compile builds a C program into dir's c/bin. reason says why it could not.
func compile(ctx context.Context, dir string, s source, extra ...string) (path, reason string) {
	path = filepath.Join(dir, "c", "bin", s.name)
	if runtime.GOOS != "linux" {
		return path, "the C programs bind threads as Linux does"
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		return path, "no C compiler gcc (Debian package gcc)"
	}
	if s.header != "" && !hasHeader(ctx, s.header) {
		return path, fmt.Sprintf("no header %s (Debian package %s)", s.header, s.pkg)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return path, err.Error()
	}
	args := strings.Fields("-std=gnu11 -D_GNU_SOURCE -O2 -fno-builtin -pthread -Wall -Wextra " + s.defines)
	args = append(args, extra...)
	args = append(args, "-o", path)
	args = append(args, strings.Fields(s.files+" bench.c "+s.libs)...)
	cmd := exec.CommandContext(ctx, "gcc", args...)
	cmd.Dir = filepath.Join(dir, "c")
	if err := runQuietly(cmd); err != nil {
		return path, fmt.Sprintf("gcc %s: %v", s.files, err)
	}
	return path, ""
}

func hasHeader(ctx context.Context, header string) bool {
	cmd := exec.CommandContext(ctx, "gcc", "-E", "-include", header, "-x", "c", os.DevNull)
	return runQuietly(cmd) == nil
}

// runQuietly runs a command; the error carries the first line it wrote to stderr.
func runQuietly(cmd *exec.Cmd) error {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n"); err != nil && first != "" {
		return errors.New(first)
	}
	return err
}
