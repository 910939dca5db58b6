// From samples of heaps to the format of pprof. See doc.go.

package kmempprof

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/google/pprof/profile"
	"github.com/slabrcu/slabrcu/kmem"
)

// Write writes the profile of some heaps, or of all that are open when none is
// given, as pprof reads it: gzipped protocol buffers. Any goroutine may call it.
func Write(w io.Writer, heaps ...*kmem.Heap) error {
	var c Collector
	for _, h := range orAll(heaps) {
		c.Add(h)
	}
	return c.Write(w)
}

func orAll(heaps []*kmem.Heap) []*kmem.Heap {
	if len(heaps) == 0 {
		return kmem.Heaps()
	}
	return heaps
}

// Collector adds up the profiles of heaps. The zero value is empty. It is not safe
// for concurrent use.
type Collector struct {
	out       *profile.Profile
	locations map[uintptr]*profile.Location
	functions map[string]*profile.Function
}

// valueTypes are those of the Go heap profile, in its order.
var valueTypes = []*profile.ValueType{
	{Type: "alloc_objects", Unit: "count"},
	{Type: "alloc_space", Unit: "bytes"},
	{Type: "inuse_objects", Unit: "count"},
	{Type: "inuse_space", Unit: "bytes"},
}

func (c *Collector) init() {
	if c.out != nil {
		return
	}
	c.out = &profile.Profile{
		SampleType:        valueTypes,
		DefaultSampleType: "inuse_space",
		PeriodType:        &profile.ValueType{Type: "space", Unit: "bytes"},
		TimeNanos:         time.Now().UnixNano(),
	}
	c.locations = map[uintptr]*profile.Location{}
	c.functions = map[string]*profile.Function{}
}

// Add takes in what a heap has and had until now. The labels are pairs of key and
// value that its samples get beside heap and cache; it panics over half a pair.
func (c *Collector) Add(h *kmem.Heap, labels ...string) {
	c.AddSamples(h.Name(), h.ProfileRate(), h.Samples(), labels...)
}

// AddSamples is Add for a heap that may be gone, by its name, its rate, and what
// [kmem.Heap.Samples] returned.
func (c *Collector) AddSamples(heap string, rate int, samples []kmem.Sample, labels ...string) {
	if len(labels)%2 != 0 {
		panic(fmt.Sprintf("kmempprof: Add of heap %q: label %q has no value", heap, labels[len(labels)-1]))
	}
	c.init()
	c.out.Period = max(c.out.Period, int64(rate))
	for _, s := range samples {
		label := map[string][]string{"heap": {heap}, "cache": {s.Cache}}
		for i := 0; i < len(labels); i += 2 {
			label[labels[i]] = []string{labels[i+1]}
		}
		c.out.Sample = append(c.out.Sample, &profile.Sample{
			Location: c.stack(s.Stack),
			Value:    []int64{s.AllocObjects, s.AllocBytes, s.InUseObjects, s.InUseBytes},
			Label:    label,
			NumLabel: map[string][]int64{"bytes": {int64(s.Size)}},
			NumUnit:  map[string][]string{"bytes": {"bytes"}},
		})
	}
}

// Write writes what was collected. Nothing collected is a profile without samples.
func (c *Collector) Write(w io.Writer) error {
	c.init()
	if err := c.out.CheckValid(); err != nil {
		return fmt.Errorf("kmempprof: Write: %w", err)
	}
	return c.out.Write(w)
}

// unsampled stands for the stack of uses that no sample caught.
const unsampled = "(no sample)"

func (c *Collector) stack(pcs kmem.Stack) []*profile.Location {
	if len(pcs) == 0 {
		return []*profile.Location{c.location(0, runtime.Frame{Function: unsampled})}
	}
	var all []*profile.Location
	for _, pc := range pcs {
		f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		all = append(all, c.location(pc, f))
	}
	return all
}

func (c *Collector) location(pc uintptr, f runtime.Frame) *profile.Location {
	if l := c.locations[pc]; l != nil {
		return l
	}
	fn := c.functions[f.Function]
	if fn == nil {
		fn = &profile.Function{ID: uint64(len(c.out.Function) + 1), Name: f.Function, SystemName: f.Function, Filename: f.File}
		c.functions[f.Function] = fn
		c.out.Function = append(c.out.Function, fn)
	}
	l := &profile.Location{ID: uint64(len(c.out.Location) + 1), Address: uint64(pc),
		Line: []profile.Line{{Function: fn, Line: int64(f.Line)}}}
	c.locations[pc] = l
	c.out.Location = append(c.out.Location, l)
	return l
}
