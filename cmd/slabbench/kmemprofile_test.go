package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// -kmemprofile writes what pprof reads, with the labels of the case.
func TestKmemProfile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "kmem.out")
	_, stderr, status := command(t, "-bench=Larson/api=cpu", "-size=64", "-cpu=1", "-benchtime=300000x", "-kmemprofile="+name)
	if status != statusOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	var inUse int64
	for _, s := range p.Sample {
		if l := s.Label; strings.Join(l["scenario"], "") != "Larson" || strings.Join(l["cpus"], "") != "1" || strings.Join(l["size"], "") != "64" {
			t.Errorf("labels %v", l)
		}
		inUse += s.Value[2]
	}
	if inUse < 1000 {
		t.Errorf("%d objects in use in %d samples", inUse, len(p.Sample))
	}
	if _, stderr, status := command(t, "-bench=Loop", "-cpu=1", "-benchtime=10x", "-kmemprofile="+filepath.Join(name, "no")); status != statusFailed {
		t.Errorf("status %d: %s", status, stderr)
	}
}
