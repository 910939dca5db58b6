// Files that are no results: what they seem to be instead.
//
// See report.go for an overview.

package main

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// foreign says what a file without results seems to be, and what to do about it.
func foreign(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	b := make([]byte, 4096)
	n, err := io.ReadFull(f, b)
	b = b[:n]
	if err != nil && n == 0 {
		return "it is empty"
	}
	switch {
	case bytes.HasPrefix(b, []byte(strings.Join(sampleHeader[:3], ","))):
		return "it is a companion of -sample, which is found by itself; give the file " + strings.TrimSuffix(name, samplesSuffix)
	case bytes.HasPrefix(b, []byte("bench,size,")):
		return "these are the medians of bench/peers; give its .txt file, which has the samples"
	case bytes.HasPrefix(b, []byte("\x1f\x8b")):
		return "it is compressed: a profile, for go tool pprof, or a file to unpack first"
	case bytes.HasPrefix(b, []byte("go 1.")) && bytes.Contains(b, []byte(" trace\x00")):
		return "it is an execution trace, for go tool trace"
	case bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")):
		return "it is JSON; want the text that go test -bench prints without -json"
	case bytes.HasPrefix(bytes.TrimSpace(b), []byte("<")):
		return "it is a page; give the files of results that it was drawn from"
	case bytes.IndexByte(b, 0) >= 0:
		return "it is binary"
	}
	return "no line begins with Benchmark as go test -bench has it"
}
