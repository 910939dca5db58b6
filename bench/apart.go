// A heap for each CPU: the same work with nothing shared but the machine. What a case
// loses on more CPUs beside this one is ours.
//
// See doc.go for an overview.

package bench

import "github.com/slabrcu/slabrcu/kmem"

// apart is the impl of cases whose workers have a heap each.
const apart = "apart"

// withCaches runs body with what tells each worker its cache: the same for all, or
// each its own if the case's impl is apart.
func (r *Run) withCaches(name string, body func(of func(*Worker) *kmem.Cache) error) error {
	if r.Impl == apart {
		return r.withCachesApart(name, nil, body)
	}
	return r.withCache(name, func(c *kmem.Cache) error {
		return body(func(*Worker) *kmem.Cache { return c })
	})
}

func (r *Run) withCachesApart(name string, caches []*kmem.Cache, body func(of func(*Worker) *kmem.Cache) error) error {
	if len(caches) == r.CPUs {
		return body(func(w *Worker) *kmem.Cache { return caches[w.ID] })
	}
	return r.withCache(name, func(c *kmem.Cache) error {
		return r.withCachesApart(name, append(caches, c), body)
	})
}
