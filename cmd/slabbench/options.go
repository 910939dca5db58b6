// The command line, parsed once into typed values. See doc.go for the manual.

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slabrcu/slabrcu/bench"
	"github.com/slabrcu/slabrcu/kmem"
)

// options are what the command was asked for.
type options struct {
	// What to do: measure, unless one of these.
	list     bool
	verify   bool
	geometry bool

	// What to measure.
	pattern string
	skip    string
	flags   kmem.Flags
	compare flagSets
	sizes   intList
	cpus    intList
	layout  kmem.Layout

	layoutSet bool // -layout was given

	// How long.
	benchtime bench.Benchtime
	count     int

	// Where to.
	output   string
	sample   time.Duration
	http     string
	profiles profiles
	perf     bool
}

// errUsage marks errors about the command line; they end with status 2.
var errUsage = errors.New("usage")

// usageError says what is wrong with the command line.
type usageError struct{ error }

func (usageError) Is(target error) bool { return target == errUsage }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// group is a heading of the help text and the flags below it.
type group struct {
	title string
	names []string
}

// groups are all flags, as the help text shows them.
var groups = []group{
	{"what to measure", []string{"flags", "bench", "skip", "size", "cpu", "compare", "layout", "list", "geometry"}},
	{"how long", []string{"benchtime", "count"}},
	{"where to", []string{"o", "sample", "http"}},
	{"profiles", []string{"cpuprofile", "memprofile", "kmemprofile", "mutexprofile", "blockprofile", "trace", "perf"}},
	{"torture", []string{"verify"}},
}

// flagSet declares the flags over o.
func (o *options) flagSet() *flag.FlagSet {
	fs := flag.NewFlagSet("slabbench", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.TextVar(&o.flags, "flags", kmem.Flags(0), "create caches with these `flags`, joined by commas")
	fs.StringVar(&o.pattern, "bench", "", "measure what matches `regexp`: the scenario's name, and its keys after slashes")
	fs.StringVar(&o.skip, "skip", "", "leave out what matches `regexp`, in the same form")
	fs.Var(&o.sizes, "size", "object `sizes` in bytes, joined by commas (default 64,256)")
	fs.Var(&o.cpus, "cpu", "numbers of `CPUs`, joined by commas (default 1 and the cores of this machine)")
	fs.Var(&o.compare, "compare", "measure two `sets` of flags in turns and compare them: none,destroy_by_rcu")
	fs.TextVar(&o.layout, "layout", kmem.LayoutNative, "lay slabs out as `profile`: "+layoutNames())
	fs.BoolVar(&o.list, "list", false, "list the scenarios and what they measure")
	fs.BoolVar(&o.geometry, "geometry", false, "show how objects of -size and -flags lie on their slabs")
	fs.Var((*benchtimeValue)(&o.benchtime), "benchtime", "measure each case for `time`, or for a count such as 100x (default 1s, less when no -bench is given)")
	fs.IntVar(&o.count, "count", 0, "take `n` samples of each case (default 1, with -compare 6)")
	fs.StringVar(&o.output, "o", "", "write the results to `file` instead of to standard output")
	fs.DurationVar(&o.sample, "sample", 0, "with -o: every `time` write the state of caches, heaps and the process to file"+samplesSuffix)
	fs.StringVar(&o.http, "http", "", "while running serve profiles and the state of the run on `address`")
	o.profiles.declare(fs)
	fs.BoolVar(&o.perf, "perf", false, "count cycles, instructions, misses and page faults per operation, where the machine does")
	fs.BoolVar(&o.verify, "verify", false, "torture instead of measuring, what -bench says, for -benchtime (default 10s); status 1 when something is found")
	return fs
}

// parse reads the command line. Its errors are usage errors, or flag.ErrHelp.
func parse(args []string) (*options, error) {
	o := new(options)
	fs := o.flagSet()
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, usageError{err}
	}
	if fs.NArg() > 0 {
		return nil, usagef("unexpected argument %q: flags start with a dash", fs.Arg(0))
	}
	set := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { set[f.Name] = true })
	return o, o.check(set)
}

// exclusive are pairs of flags of which the second has no meaning beside the
// first.
var exclusive = [][2]string{
	{"compare", "flags"},
	{"verify", "compare"}, {"verify", "list"}, {"verify", "count"},
	{"verify", "skip"}, {"verify", "size"}, {"verify", "cpu"}, {"verify", "o"}, {"verify", "http"}, {"verify", "perf"}, {"verify", "kmemprofile"},
	{"geometry", "verify"}, {"geometry", "list"}, {"geometry", "bench"}, {"geometry", "skip"}, {"geometry", "compare"},
	{"geometry", "o"}, {"geometry", "http"}, {"geometry", "perf"},
	{"list", "o"}, {"list", "http"}, {"list", "perf"},
}

// check refuses what cannot be meant, and fills in what was not said.
func (o *options) check(set map[string]bool) error {
	for _, p := range exclusive {
		if set[p[0]] && set[p[1]] {
			return usagef("-%s and -%s exclude each other", p[0], p[1])
		}
	}
	o.layoutSet = set["layout"]
	if set["count"] && o.count < 1 {
		return usagef("-count %d: legal is 1 or more", o.count)
	}
	if set["sample"] && (o.sample <= 0 || o.output == "") {
		return usagef("-sample %v: legal is a time such as 10ms, beside -o", o.sample)
	}
	if o.count == 0 {
		o.count = 1
		if set["compare"] {
			o.count = compareSamples
		}
	}
	if len(o.cpus) == 0 {
		o.cpus = slices.Compact([]int{1, runtime.NumCPU()})
	}
	if o.verify {
		if o.benchtime.N > 0 {
			return usagef("-benchtime %s: torture lasts for a time such as 10s, not for a count", o.benchtime)
		}
		if o.benchtime.D == 0 {
			o.benchtime.D = verifyTime
		}
		if _, err := bench.TortureNames(o.pattern); err != nil {
			return usageError{err}
		}
	}
	return nil
}

const (
	compareSamples = 6 // below that no difference can be shown
	verifyTime     = 10 * time.Second
)

// planOptions is what the plan is asked for.
func (o *options) planOptions() bench.Options {
	return bench.Options{
		Selection: o.selection(),
		Pattern:   o.pattern,
		Skip:      o.skip,
		Benchtime: o.benchtime,
		Count:     o.count,
	}
}

// selection is what every scenario is asked for.
func (o *options) selection() bench.Selection {
	s := bench.Selection{Flags: []kmem.Flags{o.flags}, Sizes: o.sizes, CPUs: o.cpus, Layout: o.layout}
	if len(o.compare) > 0 {
		s.Flags = o.compare
	}
	switch {
	case o.profiles.kmem != "":
		s.Heap.ProfileRate = kmemProfileRate
	case o.http != "":
		s.Heap.ProfileRate = kmemLookRate
	}
	return s
}

// usage writes the help text.
func usage(w io.Writer) {
	fmt.Fprint(w, `usage: slabbench [flags]
       slabbench report [-o page.html] [-table] [-readme file] files...
       slabbench top [-n views] [-d time] address

Measure the slab allocator and RCU, or try to break them. Results go to standard
output in the format of go test -bench; everything for people goes to standard
error. The manual: go doc github.com/slabrcu/slabrcu/cmd/slabbench
`)
	fs := new(options).flagSet()
	for _, g := range groups {
		fmt.Fprintf(w, "\n%s\n", g.title)
		for _, name := range g.names {
			f := fs.Lookup(name)
			value, text := flag.UnquoteUsage(f)
			fmt.Fprintf(w, "  %-22s %s\n", strings.TrimSpace("-"+name+" "+value), text)
		}
	}
	fmt.Fprint(w, `
status: 0 all is well, 1 a scenario failed or -verify found something, 2 usage,
130 interrupted
`)
}

// flagSets are several sets of create flags: commas between them, plus signs
// inside.
type flagSets []kmem.Flags

func (s *flagSets) String() string {
	var parts []string
	for _, f := range *s {
		parts = append(parts, f.String())
	}
	return strings.Join(parts, ",")
}

func (s *flagSets) Set(text string) error {
	*s = nil
	for part := range strings.SplitSeq(text, ",") {
		var f kmem.Flags
		if err := f.UnmarshalText([]byte(part)); err != nil {
			return err
		}
		*s = append(*s, f)
	}
	if len(*s) != 2 || (*s)[0] == (*s)[1] {
		return fmt.Errorf("want two different sets, such as none,destroy_by_rcu; flags inside a set are joined by +")
	}
	return nil
}

// intList is a list of positive numbers joined by commas.
type intList []int

func (l *intList) String() string {
	var parts []string
	for _, n := range *l {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ",")
}

func (l *intList) Set(text string) error {
	*l = nil
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no positive number", part)
		}
		if !slices.Contains(*l, n) {
			*l = append(*l, n)
		}
	}
	return nil
}

// benchtimeValue is a bench.Benchtime whose zero value prints as nothing.
type benchtimeValue bench.Benchtime

func (b *benchtimeValue) String() string { return "" }

func (b *benchtimeValue) Set(text string) error {
	return (*bench.Benchtime)(b).UnmarshalText([]byte(text))
}

func layoutNames() string {
	var names []string
	for _, l := range kmem.Layouts() {
		if l.Runnable() == nil {
			names = append(names, l.Name)
		}
	}
	return strings.Join(names, ", ")
}
