// -http: look at a run while it runs. See doc.go for the manual.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/slabrcu/slabrcu/bench"
	"github.com/slabrcu/slabrcu/kmempprof"
)

// window is what can be seen of a run from outside.
type window struct {
	plan *bench.Plan

	mu     sync.Mutex
	state  state
	server *http.Server
	ended  chan error
}

// stateKey is the name of the state among the variables of /debug/vars.
const stateKey = "slabbench"

// state is what /debug/vars shows of the run.
type state struct {
	Running string             // the case under way
	Since   time.Time          // it began
	Done    int                // measurements
	Of      int                // in all
	Sample  bench.Sample       // the state of its caches and heaps, a second old at most
	NsPerOp map[string]float64 // the last figure of each case
}

// openWindow serves on an address until close; nil when none is asked for.
func openWindow(addr string, plan *bench.Plan, stderr io.Writer) (*window, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("-http %s: %w", addr, err)
	}
	v := &window{plan: plan, state: state{Of: len(plan.Cases), NsPerOp: map[string]float64{}}, ended: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.Handle("/debug/pprof/kmem", kmempprof.Handler())
	mux.HandleFunc("/debug/vars", v.vars)
	mux.HandleFunc("/slabinfo", v.slabinfo)
	mux.HandleFunc("/{$}", index)
	v.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { v.ended <- v.server.Serve(l) }()
	fmt.Fprintf(stderr, "slabbench: look at http://%s/\n", l.Addr())
	return v, nil
}

func index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, `<!doctype html><title>slabbench</title>
<p><a href="debug/vars">what runs, and the state of its memory</a>; slabbench top shows it in a terminal
<p><a href="slabinfo">its caches, as /proc/slabinfo has them</a>
<p><a href="debug/pprof/">profiles</a>, and that of the <a href="debug/pprof/kmem?debug=1">memory off the Go heap</a>
`)
}

// vars is what package expvar serves, and the state of the run beside it.
func (v *window) vars(w http.ResponseWriter, _ *http.Request) {
	v.mu.Lock()
	b, err := json.MarshalIndent(v.state, "", "  ")
	v.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	fmt.Fprintln(w, "{")
	expvar.Do(func(kv expvar.KeyValue) { fmt.Fprintf(w, "%q: %s,\n", kv.Key, kv.Value) })
	fmt.Fprintf(w, "%q: %s\n}\n", stateKey, b)
}

// slabinfo is collected first: a reader that is slow must not hold up the case.
func (v *window) slabinfo(w http.ResponseWriter, _ *http.Request) {
	var b bytes.Buffer
	if err := v.plan.WriteSlabinfo(&b); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write(b.Bytes())
}

func (v *window) starting(c *bench.Case) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Running, v.state.Since = c.Name(), time.Now()
}

func (v *window) done(o bench.Outcome) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Done++
	if o.Result != nil {
		v.state.NsPerOp[o.Case.Name()], _ = o.Result.Get("ns/op")
	}
}

func (v *window) sample(s bench.Sample) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.state.Sample = s
}

// close ends the serving; requests under way get a moment.
func (v *window) close() error {
	if v == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := v.server.Shutdown(ctx); err != nil {
		v.server.Close()
	}
	if err := <-v.ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("-http: %w", err)
	}
	return nil
}
