// slabbench top: a running -http, once a second, as slabtop shows a kernel. See
// doc.go for the manual.

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slabrcu/slabrcu/bench"
	"golang.org/x/perf/benchunit"
)

// viewer is what top was asked for.
type viewer struct {
	addr  string
	every time.Duration
	n     int // frames; 0 is until Ctrl-C or the end of the run
}

func parseTop(args []string) (*viewer, error) {
	v := new(viewer)
	fs := flag.NewFlagSet("slabbench top", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.DurationVar(&v.every, "d", time.Second, "")
	fs.IntVar(&v.n, "n", 0, "")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, usageError{err}
	}
	switch {
	case fs.NArg() != 1:
		return nil, usagef("top: want the address of a run with -http; write slabbench top localhost:6060")
	case v.every <= 0 || v.n < 0:
		return nil, usagef("top: -d %v -n %d: legal is a time above 0, and a number of views or 0", v.every, v.n)
	}
	v.addr = strings.TrimSuffix(strings.TrimPrefix(fs.Arg(0), "http://"), "/")
	return v, nil
}

// top shows one view after the other until Ctrl-C, or until the run has ended.
func top(ctx context.Context, stdout, stderr io.Writer, args []string) error {
	v, err := parseTop(args)
	if err != nil {
		return err
	}
	defer http.DefaultClient.CloseIdleConnections()
	tick := time.NewTicker(v.every)
	defer tick.Stop()
	var last *state
	for shown := 0; ; {
		now, err := v.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && last != nil:
			fmt.Fprintf(stderr, "slabbench top: the run has ended\n")
			return nil
		case err != nil:
			return fmt.Errorf("top: %w", err)
		}
		if _, err := stdout.Write(frame(v.addr, last, now, isTerminal(stdout))); err != nil {
			return fmt.Errorf("top: %w", err)
		}
		last = now
		if shown++; shown == v.n {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look asks the run for its state.
func (v *viewer) look(ctx context.Context) (*state, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.addr+"/debug/vars", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", req.URL, res.Status)
	}
	var vars struct{ Slabbench *state }
	if err := json.NewDecoder(res.Body).Decode(&vars); err != nil {
		return nil, fmt.Errorf("%s: %w", req.URL, err)
	}
	if vars.Slabbench == nil {
		return nil, fmt.Errorf("%s: this is no slabbench -http: the variable %q is missing", req.URL, stateKey)
	}
	return vars.Slabbench, nil
}

// frame draws one view. Rates are since the view before it, of the same case.
func frame(addr string, last, now *state, terminal bool) []byte {
	var b bytes.Buffer
	if terminal {
		b.WriteString("\x1b[H\x1b[2J") // home, clear
	}
	x := &now.Sample
	var before *bench.Sample
	if last != nil && last.Running == now.Running && last.Sample.At < x.At {
		before = &last.Sample
	}
	bytesOf := func(n uint64) string { return benchunit.Scale(float64(n), benchunit.Binary) + "B" }
	fmt.Fprintf(&b, "slabbench at %s, %d of %s done\n", addr, now.Done, plural(now.Of, "measurement"))
	fmt.Fprintf(&b, "%s for %v\n", cmp.Or(now.Running, "nothing runs yet"), x.At.Round(time.Second))
	fmt.Fprintf(&b, "resident %s, live slabs %s, in limbo %s, free pages %s, Go heap %s\n",
		bytesOf(uint64(max(x.Resident, 0))), bytesOf(x.Live), bytesOf(x.Limbo), bytesOf(x.Free), bytesOf(x.GoHeap))
	grace := "-"
	if before != nil {
		grace = rate(before.GracePeriods, x.GracePeriods, x.At-before.At)
	}
	fmt.Fprintf(&b, "grace periods %d (%s a second), collections %d\n\n", x.GracePeriods, grace, x.GCs)

	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "active\tobjects\tuse\tsize\tper slab\tpages\tslabs\tlimbo\tlocks/s\t  cache")
	for _, c := range byMemory(x.Caches) {
		use := "-"
		if c.Objects > 0 {
			use = fmt.Sprintf("%d%%", 100*c.Active/c.Objects)
		}
		locks := "-"
		if i := place(before, c.Name); i >= 0 {
			locks = rate(before.Caches[i].Trips, c.Trips, x.At-before.At)
		}
		fmt.Fprintf(tw, "%d\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t  %s\n", c.Active, c.Objects, use, c.ObjSize, c.ObjPerSlab, c.PagesPerSlab, c.Slabs, c.Limbo, locks, c.Name)
	}
	tw.Flush()
	b.WriteString("\n")
	return b.Bytes()
}

// place finds a cache in an earlier sample, or returns -1.
func place(s *bench.Sample, name string) int {
	if s == nil {
		return -1
	}
	return slices.IndexFunc(s.Caches, func(c bench.CacheSample) bool { return c.Name == name })
}

// byMemory returns the caches with the most pages first.
func byMemory(caches []bench.CacheSample) []bench.CacheSample {
	out := slices.Clone(caches)
	slices.SortStableFunc(out, func(a, b bench.CacheSample) int {
		return cmp.Compare((b.Slabs+b.Limbo)*b.PagesPerSlab, (a.Slabs+a.Limbo)*a.PagesPerSlab)
	})
	return out
}

// rate is a difference per second.
func rate(from, to uint64, over time.Duration) string {
	if to < from || over <= 0 {
		return "-"
	}
	return benchunit.Scale(float64(to-from)/over.Seconds(), benchunit.Decimal)
}
