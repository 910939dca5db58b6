// Table over rcumap.
//
// See doc.go for an overview.

package bench

import (
	"errors"
	"fmt"

	"github.com/slabrcu/slabrcu/rcumap"
	"github.com/slabrcu/slabrcu/urcu"
)

// tableRegistered looks up on emulated CPUs with registered readers.
func tableRegistered(r *Run) error {
	return r.withTable(func(m *rcumap.Map[uint64, tableValue], d *urcu.Domain) error {
		return r.Measure(func(round *Round) {
			round.CPUs(r.CPUs, func(w *Worker) {
				reader := d.Register("lookup")
				defer reader.Unregister()
				useTable(w, r.Params, localTable{m.On(w.CPU, reader)})
			})
		})
	})
}

// tableAny looks up in plain goroutines.
func tableAny(r *Run) error {
	return r.withTable(func(m *rcumap.Map[uint64, tableValue], _ *urcu.Domain) error {
		return r.Measure(func(round *Round) {
			round.Goroutines(r.CPUs, func(w *Worker) { useTable(w, r.Params, anyTable{m}) })
		})
	})
}

// withTable runs body with a full table, and looks that nothing was lost.
func (r *Run) withTable(body func(*rcumap.Map[uint64, tableValue], *urcu.Domain) error) (err error) {
	r.Latencies("ns")
	cost := newTableCost(r)
	world, err := r.newWorld(nil)
	if err != nil {
		return err
	}
	defer world.close(&err)
	m, err := rcumap.New[uint64, tableValue](world.heap, rcumap.Options{Name: "table"})
	if err != nil {
		return err
	}
	defer func() {
		r.sources.stop()
		err = errors.Join(err, m.Close())
	}()
	for _, c := range world.heap.Caches() {
		if c.Name() == "table-node" {
			r.CountCache(c)
		}
	}
	if err := fillTable(anyTable{m}, r.N); err != nil {
		return err
	}
	stats := world.heap.Stats()
	cost.filled(int64(stats.Live))
	if err := body(m, world.heap.Domain()); err != nil {
		return err
	}
	cost.measured()
	if n := m.Len(); n != r.N {
		return fmt.Errorf("the table has %d entries after the run, want %d", n, r.N)
	}
	return nil
}

type anyTable struct {
	m *rcumap.Map[uint64, tableValue]
}

func (t anyTable) load(key uint64) (tableValue, bool)   { return t.m.Load(key) }
func (t anyTable) store(key uint64, v tableValue) error { return t.m.Store(key, v) }
func (t anyTable) remove(key uint64)                    { t.m.Delete(key) }

type localTable struct {
	l *rcumap.Local[uint64, tableValue]
}

func (t localTable) load(key uint64) (tableValue, bool)   { return t.l.Load(key) }
func (t localTable) store(key uint64, v tableValue) error { return t.l.Store(key, v) }
func (t localTable) remove(key uint64)                    { t.l.Delete(key) }
