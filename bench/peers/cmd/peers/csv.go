// All medians as CSV. See main.go for an overview.

package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
)

// writeCSV writes every median with its interval.
func writeCSV(name string, all *results) error {
	partial := name + ".partial"
	f, err := os.Create(partial)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	w.Write([]string{"bench", "size", "live", "n", "dist", "lookups", "flavor", "readers", "cpus", "impl", "api", "unit", "samples", "median", "low", "high"})
	for _, r := range all.rows {
		for _, e := range all.entrants[r] {
			for _, unit := range all.units(r, e) {
				m, _ := all.get(r, e, unit)
				w.Write([]string{r.bench, strconv.Itoa(r.size), strconv.Itoa(r.live), strconv.Itoa(r.n), r.dist, strconv.Itoa(r.lookups), r.flavor, r.readers,
					strconv.Itoa(r.cpus), e.impl, e.api, unit, strconv.Itoa(m.count),
					decimal(m.median), decimal(m.lo), decimal(m.hi)})
			}
		}
	}
	w.Flush()
	if err := errors.Join(w.Error(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s: no file was written: %w", name, err), os.Remove(partial))
	}
	return os.Rename(partial, name)
}

func (all *results) units(r row, e entrant) []string {
	var units []string
	for u := range all.samples[r][e] {
		units = append(units, u)
	}
	slices.Sort(units)
	return units
}

func decimal(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
