// The profile and the counters over HTTP. See doc.go.

package kmempprof

import (
	"expvar"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/slabrcu/slabrcu/kmem"
)

// Handler serves the profile of some heaps, or of all that are open at the time of
// the request when none is given. It belongs at /debug/pprof/kmem. With debug=1
// the answer is text for people.
func Handler(heaps ...*kmem.Heap) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.FormValue("debug") != "" && r.FormValue("debug") != "0" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			writeText(w, orAll(heaps))
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", `attachment; filename="kmem"`)
		if err := Write(w, heaps...); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// writeText writes a paragraph for each sample. The reader is who fails, if
// anybody.
func writeText(w io.Writer, heaps []*kmem.Heap) {
	for _, h := range heaps {
		fmt.Fprintf(w, "heap %s: a sample in %d bytes\n", h.Name(), h.ProfileRate())
		for _, s := range h.Samples() {
			fmt.Fprintf(w, "\n%d: %d [%d: %d] cache %s\n", s.InUseObjects, s.InUseBytes, s.AllocObjects, s.AllocBytes, s.Cache)
			stack := s.Stack.String()
			if len(s.Stack) == 0 {
				stack = unsampled
			}
			fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(stack, "\n", "\n    "))
		}
		fmt.Fprintln(w)
	}
}

// Variables are what [Publish] publishes of a heap.
type Variables struct {
	Heap   kmem.HeapStats
	Caches []kmem.CacheStats
}

// Publish makes the counters of a heap and its caches a variable of package
// expvar. It panics when there is a variable of that name. A variable cannot be
// taken back: after the heap is closed it shows no caches.
func Publish(name string, h *kmem.Heap) {
	expvar.Publish(name, expvar.Func(func() any {
		v := Variables{Heap: h.Stats()}
		for _, c := range h.Caches() {
			v.Caches = append(v.Caches, c.Stats())
		}
		return v
	}))
}
