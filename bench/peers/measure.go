// Measure: one workload over one peer, chosen by name.

package peers

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options choose what Measure runs.
type Options struct {
	Bench string        // Pair, Batch10k, RandomLive100k, ProdCons, Sh6, Table
	Impl  string        // one of Impls, in Table of TableImpls
	Size  int           // bytes of an object; a power of two from 16 to 1,024
	Live  int           // objects alive at once, in Pair: 1 or 2
	CPUs  int           // workers
	Time  time.Duration // how long to measure

	// Of Table.
	N       int    // entries
	Dist    string // how keys are drawn: uniform, zipf
	Lookups int    // of 100 operations
}

// Impls are the names of the Go peers that allocate.
var Impls = []string{"new", "syncpool", "modernc", "modernc-mutex"}

// Measure runs one workload and returns its line in the Go benchmark format. It
// blocks for a little more than o.Time. An error says which option is wrong and
// what is legal.
func Measure(o Options) (string, error) {
	if o.Bench == "Table" {
		return measureTable(o)
	}
	body, err := o.body()
	if err != nil {
		return "", err
	}
	ns, ops := run(o.CPUs, o.Time, body)
	live := ""
	if o.Live == 2 {
		live = "/live=2"
	}
	return fmt.Sprintf("Benchmark%s/api=go/flags=none/size=%d%s/impl=%s-%d\t%d\t%.4g ns/op",
		o.Bench, o.Size, live, o.Impl, o.CPUs, ops, ns), nil
}

func (o Options) body() (func(*worker), error) {
	switch o.Size {
	case 16:
		return find[[2]uint64](o)
	case 32:
		return find[[4]uint64](o)
	case 64:
		return find[[8]uint64](o)
	case 128:
		return find[[16]uint64](o)
	case 256:
		return find[[32]uint64](o)
	case 512:
		return find[[64]uint64](o)
	case 1024:
		return find[[128]uint64](o)
	}
	return nil, fmt.Errorf("size %d: legal are the powers of two from 16 to 1024", o.Size)
}

func find[T object](o Options) (func(*worker), error) {
	s := &suite[T]{rings: make([]ring[T], (o.CPUs+1)/2)}
	switch o.Impl {
	case "new":
		s.handle = func() peer[T] { return new(goHeap[T]) }
	case "syncpool":
		s.handle = newSyncPool[T]()
	case "modernc":
		s.handle = func() peer[T] { return new(modernc[T]) }
	case "modernc-mutex":
		one := new(moderncMutex[T])
		s.handle = func() peer[T] { return one }
	default:
		return nil, fmt.Errorf("impl %q: legal are %s", o.Impl, strings.Join(Impls, ", "))
	}
	switch name := fmt.Sprintf("%s/live=%d", o.Bench, o.Live); name {
	case "Pair/live=1":
		return s.pair, nil
	case "Pair/live=2":
		return s.pairOfTwo, nil
	case "Batch10k/live=1":
		return s.batch10k, nil
	case "RandomLive100k/live=1":
		return s.randomLive, nil
	case "Sh6/live=1":
		return s.sh6, nil
	case "ProdCons/live=1":
		if o.CPUs%2 != 0 || o.Impl == "modernc" {
			return nil, fmt.Errorf("ProdCons of %s on %d CPUs: want an even number, and an allocator that threads may share", o.Impl, o.CPUs)
		}
		return s.prodCons, nil
	}
	return nil, fmt.Errorf("bench %q with %d live: legal are %s; live is 1, in Pair also 2",
		o.Bench, o.Live, strings.Join(Benches, ", "))
}

// Benches are the names of the workloads of Impls.
var Benches = []string{"Pair", "Batch10k", "RandomLive100k", "ProdCons", "Sh6"}

// Runs reports whether the peer can run the workload.
func Runs(bench, impl string) bool {
	if bench == "Table" {
		return slices.Contains(TableImpls, impl)
	}
	return slices.Contains(Benches, bench) && slices.Contains(Impls, impl) &&
		(bench != "ProdCons" || impl != "modernc")
}
