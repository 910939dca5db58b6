package main

import (
	"runtime/debug"
	"testing"
)

// raceEnabled reports whether this is the race lane.
func raceEnabled(t *testing.T) bool {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("no build information")
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}
