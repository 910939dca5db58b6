// /proc/slabinfo, version 2.1: what tools that know the kernel's file can read,
// and the lines that tune a cache when they are written to it.

package kmem

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// slabinfoHead are the first two lines of the file since 2.6.10, with the names
// of the tunables in the order in which they stand.
const slabinfoHead = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
`

// WriteSlabinfo writes the heap's caches as /proc/slabinfo shows the kernel's, in
// version 2.1 of its format, which slabtop and others read. As there, objects in
// array caches count as active, and so do those in the shared array; slabs in
// limbo are left out. Any goroutine may call it. The error is the writer's.
func (h *Heap) WriteSlabinfo(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(slabinfoHead)
	for _, c := range h.Caches() {
		c.slabinfo(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// slabinfo writes the line of one cache.
func (c *Cache) slabinfo(b *bytes.Buffer) {
	s := c.Stats()
	limit, batch, shared := c.tunables()
	fmt.Fprintf(b, "%-17s %6d %6d %6d %4d %4d : tunables %4d %4d %4d : slabdata %6d %6d %6d\n",
		c.name, s.Active+s.Shared, s.Objects, s.ObjSize, s.ObjPerSlab, s.PagesPerSlab,
		limit, batch, shared,
		s.SlabsFull+s.SlabsPartial, s.Slabs, s.Shared)
}

// tunables are what the file calls limit, batchcount and sharedfactor. A new
// array cache has that limit; see doc.go for how it grows.
func (c *Cache) tunables() (limit, batch, shared int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limit, c.batch, c.sharedFactor
}

// TuneSlabinfo does what a write to the kernel's file does: line names a cache and
// sets its limit, batchcount and sharedfactor, as in "anon_vma 240 120 8". See
// [Cache.Tune]. The error says what is legal. It must not be called for a cache
// that somebody destroys meanwhile.
func (h *Heap) TuneSlabinfo(line string) error {
	t, err := parseTuning(line)
	if err != nil {
		return fmt.Errorf("kmem: TuneSlabinfo in heap %q: %w", h.name, err)
	}
	for _, c := range h.Caches() {
		if c.name == t.name {
			return c.Tune(t.limit, t.batch, t.shared)
		}
	}
	return fmt.Errorf("kmem: TuneSlabinfo in heap %q: %q: there is no cache of that name", h.name, line)
}

// maxTuning bounds the line that tunes a cache, in bytes, as MAX_SLABINFO_WRITE.
const maxTuning = 128

// tuning is a line in the format of a write to /proc/slabinfo: a name, one space,
// and limit, batchcount and sharedfactor.
type tuning struct {
	name                 string
	limit, batch, shared int
}

// parseTuning reads such a line, with or without a newline at its end. The error
// says what is legal.
func parseTuning(line string) (t tuning, err error) {
	if len(line) > maxTuning {
		return t, fmt.Errorf("%d bytes; legal are up to %d", len(line), maxTuning)
	}
	name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	numbers := strings.Fields(rest)
	if name == "" || len(numbers) != 3 {
		return t, fmt.Errorf("%q: want \"name limit batchcount sharedfactor\", with one space behind the name", line)
	}
	t.name = name
	for i, v := range []*int{&t.limit, &t.batch, &t.shared} {
		if *v, err = strconv.Atoi(numbers[i]); err != nil {
			return t, fmt.Errorf("%q: %q is no number", line, numbers[i])
		}
	}
	return t, t.check()
}

// check says what is wrong with the numbers. The kernel took any limit for a
// year, and crashed over large ones.
func (t tuning) check() error {
	switch {
	case t.limit < 1 || t.limit > maxLimit:
		return fmt.Errorf("limit %d; legal are 1 to %d", t.limit, maxLimit)
	case t.batch < 1 || t.batch > t.limit:
		return fmt.Errorf("batchcount %d; legal are 1 to the limit, %d", t.batch, t.limit)
	case t.shared < 0 || t.shared > maxLimit/t.batch:
		return fmt.Errorf("sharedfactor %d; legal are 0 to %d with this batchcount", t.shared, maxLimit/t.batch)
	}
	return nil
}
