// What the report draws: samples grouped by benchmark, read from files of
// results, and the time lines beside them.
//
// See report.go for an overview.

package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// dataset is everything that the files hold.
type dataset struct {
	files   []string
	env     []setting             // configuration that all results share
	varied  []string              // configuration keys in which they differ
	cases   []*measured           // in the order in which they first came
	lines   []timeline            // of the companions
	byName  map[string]*measured  // name and what varied
	configs map[string]valueCount // by configuration key
}

type setting struct{ Key, Value string }

type valueCount map[string]int

// String joins the values.
func (c valueCount) String() string {
	return strings.Join(slices.Sorted(maps.Keys(c)), " and ")
}

// nameCommits gives all results of one commit the same name for it. Some hands
// shorten it more than others, and one tree is dirty to the go command and clean to
// git as soon as it holds a new file of results.
func nameCommits(all []*benchfmt.Result) {
	var names []string
	for _, r := range all {
		if c := r.GetConfig("commit"); c != "" && !slices.Contains(names, c) {
			names = append(names, c)
		}
	}
	bare := func(name string) string { return strings.TrimSuffix(name, "-dirty") }
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(bare(b))-len(bare(a)), len(b)-len(a)) })
	for _, r := range all {
		for i := range r.Config {
			if c := &r.Config[i]; c.Key == "commit" && len(c.Value) > 0 {
				longest := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, bare(string(c.Value))) })
				c.Value = []byte(names[longest])
			}
		}
	}
}

// measured is one benchmark with all its samples.
type measured struct {
	name     string // as in the file
	scenario string
	keys     []setting // those of the name, then the varied configuration
	cpus     int
	samples  map[string][]float64 // by unit in base form
}

// key returns the value of a key, or "".
func (m *measured) key(name string) string {
	for _, k := range m.keys {
		if k.Key == name {
			return k.Value
		}
	}
	return ""
}

// median returns the median of a unit's samples with its interval.
func (m *measured) median(unit string) (benchmath.Summary, bool) {
	xs := m.samples[unit]
	if len(xs) == 0 {
		return benchmath.Summary{}, false
	}
	s := benchmath.NewSample(slices.Clone(xs), &benchmath.DefaultThresholds)
	return benchmath.AssumeNothing.Summary(s, 0.95), true
}

// compared are the configuration keys that tell runs apart, when they differ
// between the files.
var compared = []string{"commit", "cpu", "goarch", "go", "flavor", "layout", "gomaxprocs"}

// loadFiles reads the files. What is no benchmark format is said and passed over;
// files without any result are an error.
func loadFiles(files []string, warn func(string, ...any)) (*dataset, error) {
	d := &dataset{files: files, byName: map[string]*measured{}, configs: map[string]valueCount{}}
	var all []*benchfmt.Result
	for _, name := range files {
		results, err := readResults(name, warn)
		if err != nil {
			return nil, fmt.Errorf("report: %w", err)
		}
		if len(results) == 0 {
			warn("%s holds no results: %s", name, foreign(name))
		}
		all = append(all, results...)
		lines, err := readTimelines(name + samplesSuffix)
		switch {
		case errors.Is(err, fs.ErrNotExist): // -sample was not asked for
		case err != nil:
			warn("%v", err)
		}
		d.lines = append(d.lines, lines...)
	}
	if len(all) == 0 {
		return nil, errors.New("report: none of the files holds a result of slabbench or go test -bench")
	}
	nameCommits(all)
	d.compareConfigs(all)
	for _, r := range all {
		d.add(r)
	}
	return d, nil
}

func readResults(name string, warn func(string, ...any)) ([]*benchfmt.Result, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []*benchfmt.Result
	r := benchfmt.NewReader(f, name)
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			out = append(out, rec.Clone())
		case *benchfmt.SyntaxError:
			warn("%v; the line was passed over", rec)
		}
	}
	return out, r.Err()
}

// compareConfigs finds out in which configuration the results differ.
func (d *dataset) compareConfigs(all []*benchfmt.Result) {
	var order []string
	for _, r := range all {
		for _, c := range r.Config {
			if !c.File {
				continue
			}
			if d.configs[c.Key] == nil {
				d.configs[c.Key] = valueCount{}
				order = append(order, c.Key)
			}
			d.configs[c.Key][string(c.Value)]++
		}
	}
	for _, k := range order {
		if len(d.configs[k]) == 1 {
			d.env = append(d.env, setting{k, d.configs[k].String()})
		} else if slices.Contains(compared, k) {
			d.varied = append(d.varied, k)
		}
	}
}

// add files one result.
func (d *dataset) add(r *benchfmt.Result) {
	id := r.Name.String()
	var extra []setting
	for _, k := range d.varied {
		v := r.GetConfig(k)
		extra = append(extra, setting{k, v})
		id += "\x00" + v
	}
	m := d.byName[id]
	if m == nil {
		base, parts := r.Name.Parts()
		m = &measured{name: r.Name.String(), scenario: string(base), cpus: 1, samples: map[string][]float64{}}
		for _, p := range parts {
			m.part(string(p))
		}
		m.keys = append(m.keys, extra...)
		d.byName[id] = m
		d.cases = append(d.cases, m)
	}
	for _, v := range r.Values {
		m.samples[v.Unit] = append(m.samples[v.Unit], v.Value)
	}
}

// part takes one part of a name: "/key=value", "/word" or "-CPUs".
func (m *measured) part(p string) {
	if n, err := strconv.Atoi(strings.TrimPrefix(p, "-")); err == nil && p[0] == '-' {
		m.cpus = n
		return
	}
	key, value, ok := strings.Cut(p[1:], "=")
	if !ok {
		key, value = "case", p[1:]
	}
	m.keys = append(m.keys, setting{key, value})
}

// timeline is the samples of one run of one benchmark, by column.
type timeline struct {
	name    string
	run     string
	seconds []float64
	columns map[string][]float64
}

// swing is by how much a column changes; 0 when there is none.
func (t *timeline) swing(column string) float64 {
	ys := t.columns[column]
	if len(ys) != len(t.seconds) || len(ys) == 0 {
		return 0
	}
	return slices.Max(ys) - slices.Min(ys)
}

// readTimelines reads a companion of -sample. Columns that it does not know are
// kept, and ones that it misses are not drawn: files of other versions are read.
func readTimelines(name string) ([]timeline, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(rows) == 0 || len(rows[0]) < 3 || !slices.Equal(rows[0][:3], sampleHeader[:3]) {
		return nil, fmt.Errorf("%s: not written by -sample: the first columns must be %s", name, strings.Join(sampleHeader[:3], ", "))
	}
	var out []timeline
	for i, row := range rows[1:] {
		n := len(out)
		if n == 0 || out[n-1].name != row[0] || out[n-1].run != row[1] {
			out = append(out, timeline{name: row[0], run: row[1], columns: map[string][]float64{}})
			n++
		}
		t := &out[n-1]
		for j, text := range row[2:] {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %s: %w", name, i+2, rows[0][j+2], err)
			}
			if j == 0 {
				t.seconds = append(t.seconds, v)
			} else {
				t.columns[rows[0][j+2]] = append(t.columns[rows[0][j+2]], v)
			}
		}
	}
	return out, nil
}
