package bench

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"runtime"
	"strings"
	"testing"

	"github.com/slabrcu/slabrcu/kmem"
)

// The scenarios under go test -bench, with the names that slabbench gives them.
// -flags chooses create flags, for example go test -bench=Pair -args
// -flags=destroy_by_rcu.
var createFlag kmem.Flags

func init() {
	flag.TextVar(&createFlag, "flags", kmem.Flags(0), "create flags of the benchmarks' caches")
}

func BenchmarkLoop(b *testing.B)           { benchmarkScenario(b, "Loop") }
func BenchmarkPair(b *testing.B)           { benchmarkScenario(b, "Pair") }
func BenchmarkBatch10k(b *testing.B)       { benchmarkScenario(b, "Batch10k") }
func BenchmarkRandomLive100k(b *testing.B) { benchmarkScenario(b, "RandomLive100k") }
func BenchmarkProdCons(b *testing.B)       { benchmarkScenario(b, "ProdCons") }
func BenchmarkGrowShrink(b *testing.B)     { benchmarkScenario(b, "GrowShrink") }
func BenchmarkReadSection(b *testing.B)    { benchmarkScenario(b, "ReadSection") }
func BenchmarkSynchronize(b *testing.B)    { benchmarkScenario(b, "Synchronize") }
func BenchmarkCall(b *testing.B)           { benchmarkScenario(b, "Call") }
func BenchmarkTypesafe(b *testing.B)       { benchmarkScenario(b, "Typesafe") }

func BenchmarkLarson(b *testing.B)        { benchmarkScenario(b, "Larson") }
func BenchmarkXmalloc(b *testing.B)       { benchmarkScenario(b, "Xmalloc") }
func BenchmarkCacheThrash(b *testing.B)   { benchmarkScenario(b, "CacheThrash") }
func BenchmarkCacheScratch(b *testing.B)  { benchmarkScenario(b, "CacheScratch") }
func BenchmarkMStress(b *testing.B)       { benchmarkScenario(b, "MStress") }
func BenchmarkSh6(b *testing.B)           { benchmarkScenario(b, "Sh6") }
func BenchmarkChurn(b *testing.B)         { benchmarkScenario(b, "Churn") }
func BenchmarkStalledReader(b *testing.B) { benchmarkScenario(b, "StalledReader") }
func BenchmarkSweep(b *testing.B)         { benchmarkScenario(b, "Sweep") }
func BenchmarkBulk(b *testing.B)          { benchmarkScenario(b, "Bulk") }
func BenchmarkFootprint(b *testing.B)     { benchmarkScenario(b, "Footprint") }
func BenchmarkSpikeIdle(b *testing.B)     { benchmarkScenario(b, "SpikeIdle") }
func BenchmarkColour(b *testing.B)        { benchmarkScenario(b, "Colour") }
func BenchmarkCollector(b *testing.B)     { benchmarkScenario(b, "Collector") }
func BenchmarkOblique(b *testing.B)       { benchmarkScenario(b, "Oblique") }
func BenchmarkTable(b *testing.B)         { benchmarkScenario(b, "Table") }

// benchmarkScenario runs the cases of a scenario on as many CPUs as go test was
// asked for. A list such as -cpu=1,2 is refused: keys that follow from the number
// of CPUs stand in the name, which go test settles before it turns to the list.
func benchmarkScenario(b *testing.B, name string) {
	cpus := runtime.GOMAXPROCS(0)
	switch list := flag.Lookup("test.cpu").Value.String(); {
	case strings.Contains(list, ","):
		b.Fatalf("-cpu %s: give one number of CPUs at a time", list)
	case list == "1":
		cpus = 1
	}
	ran := false
	for _, c := range Lookup(name).Cases(Selection{CPUs: []int{cpus}, Flags: []kmem.Flags{createFlag}}) {
		if c.Skip != "" || c.Params.CPUs != cpus {
			continue
		}
		keys := strings.TrimPrefix(c.BareName(), name+"/")
		if cpus == 1 {
			keys += "-1" // which go test leaves out
		}
		ran = true
		b.Run(keys, func(b *testing.B) {
			res, err := Do(b.Context(), c, Benchtime{N: b.N})
			if err != nil {
				b.Fatal(err)
			}
			for _, v := range res.Values {
				b.ReportMetric(v.V, v.Unit)
			}
		})
	}
	if !ran {
		b.Skipf("nothing of it runs on %d CPUs", cpus)
	}
}

// Every scenario of the table has a benchmark above.
func TestEveryScenarioHasBenchmark(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "bench_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range Scenarios() {
		found := false
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			found = found || ok && fn.Name.Name == "Benchmark"+s.Name
		}
		if !found {
			t.Errorf("no func Benchmark%s", s.Name)
		}
	}
}
