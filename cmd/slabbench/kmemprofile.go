// -kmemprofile: the profile of the memory off the Go heap. See doc.go for the
// manual.

package main

import (
	"fmt"
	"strconv"

	"github.com/slabrcu/slabrcu/bench"
	"github.com/slabrcu/slabrcu/kmempprof"
)

// kmemProfileRate is how many bytes there are to a sample with -kmemprofile: few,
// because the heaps of scenarios are small. kmemLookRate is for -http, which must
// not change the figures: as many as the runtime takes for its own heap.
const (
	kmemProfileRate = 16 << 10
	kmemLookRate    = 512 << 10
)

// kmemProfile adds up the profiles of all cases; nil without the flag.
type kmemProfile struct {
	file      *wholeFile
	collector kmempprof.Collector
}

func openKmemProfile(name string) (*kmemProfile, error) {
	if name == "" {
		return nil, nil
	}
	f, err := createWhole(name)
	if err != nil {
		return nil, fmt.Errorf("profile %w", err)
	}
	return &kmemProfile{file: f}, nil
}

// take adds the heaps of a case. The labels are those of the CPU profile.
func (k *kmemProfile) take(c *bench.Case, heaps []bench.HeapSamples) {
	if k == nil {
		return
	}
	labels := []string{"scenario", c.Scenario.Name, "cpus", strconv.Itoa(c.Params.CPUs)}
	for _, key := range c.Keys {
		labels = append(labels, key.Name, key.Value)
	}
	for _, h := range heaps {
		k.collector.AddSamples(h.Heap, h.Rate, h.Samples, labels...)
	}
}

// close writes the file, unless the run has failed.
func (k *kmemProfile) close(failed bool) error {
	if k == nil {
		return nil
	}
	var err error
	if !failed {
		err = k.collector.Write(k.file)
	}
	return endProfile(k.file, failed, err)
}
