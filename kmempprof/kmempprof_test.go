package kmempprof

import (
	"bytes"
	"encoding/json"
	"expvar"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
	"github.com/slabrcu/slabrcu/kmem"
	"github.com/slabrcu/slabrcu/urcu"
)

// heap returns a heap with a cache of conns, of which some are allocated.
func heap(t *testing.T, live int) (*kmem.Heap, *kmem.Cache) {
	d, err := urcu.New(urcu.Options{Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	h, err := kmem.NewHeap(kmem.HeapOptions{Name: "h", Reserve: 1 << 30, Domain: d, ProfileRate: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.NewCache("conn", 100, kmem.CacheOptions{Flags: kmem.HWCacheAlign})
	if err != nil {
		t.Fatal(err)
	}
	objs := make([]kmem.Pointer, live)
	for i := range objs {
		objs[i] = connect(c)
	}
	t.Cleanup(func() {
		c.FreeBulk(objs)
		for _, err := range []error{c.Destroy(), h.Close(), d.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return h, c
}

//go:noinline
func connect(c *kmem.Cache) kmem.Pointer { return c.Alloc() }

// sum adds up the values of the samples that a function is in.
func sum(p *profile.Profile, function string) (v [4]int64) {
	for _, s := range p.Sample {
		for _, l := range s.Location {
			if strings.HasSuffix(l.Line[0].Function.Name, function) {
				for i := range v {
					v[i] += s.Value[i]
				}
				break
			}
		}
	}
	return v
}

func parse(t *testing.T, r io.Reader) *profile.Profile {
	t.Helper()
	p, err := profile.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWrite reads back what was written.
func TestWrite(t *testing.T) {
	const live = 5000
	h, c := heap(t, live)
	var b bytes.Buffer
	if err := Write(&b, h); err != nil {
		t.Fatal(err)
	}
	p := parse(t, &b)
	size := int64(c.ObjectSize())
	v := sum(p, "kmempprof.connect")
	if v[2] != live || v[3] != live*size || v[0] < live || v[1] != v[0]*size {
		t.Errorf("values %v, want %d live of %d bytes", v, live, size)
	}
	if got := fmt.Sprint(p.SampleType[3].Type, p.DefaultSampleType, p.PeriodType.Unit, p.Period); got != "inuse_spaceinuse_spacebytes1024" {
		t.Error(got)
	}
	for _, s := range p.Sample {
		if s.Label["cache"][0] != "conn" || s.Label["heap"][0] != "h" || s.NumLabel["bytes"][0] != size {
			t.Errorf("labels %v %v", s.Label, s.NumLabel)
		}
	}
}

// TestCollector adds up two looks at a heap, with labels.
func TestCollector(t *testing.T) {
	h, _ := heap(t, 1000)
	var c Collector
	c.Add(h, "scenario", "one")
	c.Add(h, "scenario", "two")
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	p := parse(t, &b)
	if v := sum(p, "kmempprof.connect"); v[2] != 2000 {
		t.Errorf("%v", v)
	}
	if l := p.Sample[len(p.Sample)-1].Label["scenario"]; len(l) != 1 || l[0] != "two" {
		t.Error(l)
	}
	defer func() {
		if r := fmt.Sprint(recover()); r != `kmempprof: Add of heap "h": label "odd" has no value` {
			t.Error(r)
		}
	}()
	c.Add(h, strings.Fields("odd")...)
}

// TestUnsampled: what no sample caught is there, under a name that says so.
func TestUnsampled(t *testing.T) {
	d, err := urcu.New(urcu.Options{Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	h, err := kmem.NewHeap(kmem.HeapOptions{Reserve: 1 << 30, Domain: d, ProfileRate: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	c, err := h.NewCache("c", 64, kmem.CacheOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := c.Alloc()
	var b bytes.Buffer
	if err := Write(&b, h); err != nil {
		t.Fatal(err)
	}
	if v := sum(parse(t, &b), unsampled); v[2] != 1 {
		t.Errorf("%v", v)
	}
	c.Free(o)
	for _, err := range []error{c.Destroy(), h.Close(), d.Close()} {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestHandler: without a heap it serves all that are open.
func TestHandler(t *testing.T) {
	h, _ := heap(t, 500)
	get := func(handler http.Handler, query string) *http.Response {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/debug/pprof/kmem"+query, nil))
		return w.Result()
	}
	for _, handler := range []http.Handler{Handler(), Handler(h)} {
		if v := sum(parse(t, get(handler, "").Body), "kmempprof.connect"); v[2] != 500 {
			t.Errorf("%v", v)
		}
		r := get(handler, "?debug=1")
		text, err := io.ReadAll(r.Body)
		if err != nil || !strings.Contains(string(text), "kmempprof.connect") || !strings.Contains(string(text), "] cache conn\n") ||
			!strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%v %v:\n%s", err, r.Header, text)
		}
	}
}

// TestPublish reads the variable as JSON.
func TestPublish(t *testing.T) {
	h, _ := heap(t, 300)
	Publish("kmem-test", h)
	var v Variables
	if err := json.Unmarshal([]byte(expvar.Get("kmem-test").String()), &v); err != nil {
		t.Fatal(err)
	}
	if v.Heap.Name != "h" || v.Heap.Live == 0 {
		t.Errorf("%+v", v.Heap)
	}
	found := false
	for _, c := range v.Caches {
		found = found || c.Name == "conn" && c.Active >= 300
	}
	if !found {
		t.Errorf("%+v", v.Caches)
	}
}
