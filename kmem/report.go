// Corruption reports: what is damaged, what lies beside it, who had it last. See
// debug.go and guard.go for who finds what.

package kmem

import (
	"bytes"
	"fmt"
	"strings"
)

// Corruption is a kind of damage.
type Corruption uint8

const (
	// DoubleFree: an object was freed that was free.
	DoubleFree Corruption = iota + 1
	// RedZoneOverwritten: a word beside the object was written.
	RedZoneOverwritten
	// PoisonOverwritten: the object was written while it was free.
	PoisonOverwritten
	// NotConstructed: the object was freed in another state than its constructor
	// leaves.
	NotConstructed
	// PaddingOverwritten: memory around a sampled object was written.
	PaddingOverwritten
)

var corruptions = [...]string{
	DoubleFree:         "double free",
	RedZoneOverwritten: "red zone overwritten: memory outside the object was written",
	PoisonOverwritten:  "poison overwritten: the object was written while it was free",
	NotConstructed:     "freed in a state that the constructor does not leave",
	PaddingOverwritten: "memory outside the object was written",
}

// String says what happened.
func (k Corruption) String() string {
	if int(k) < len(corruptions) && k > 0 {
		return corruptions[k]
	}
	return fmt.Sprintf("Corruption(%d)", uint8(k))
}

// CorruptionError is a report of damage to an object. It is the value of a panic,
// or what [DebugOptions].Corrupted is given.
type CorruptionError struct {
	Kind  Corruption
	Op    string // what found it: "Alloc", "Free", "Audit", or the end of a slab
	Heap  string
	Cache string

	Object uintptr // address of the object
	Size   int     // of the object, in bytes, as its user sees it
	Index  int     // of the object on its slab, -1 when it is alone

	// Offset is where the damage begins, in bytes from the object's start;
	// negative in front of it. Expected and Found are the bytes from there to the
	// last damaged one, at most [damageBytes]. A double free damages nothing.
	Offset          int
	Expected, Found []byte

	Allocated, Freed Use // the last ones, where they are kept

	Neighbours []Neighbour // before and behind, where there are any

	dump string
}

// Neighbour is the object before or behind a damaged one on its slab.
type Neighbour struct {
	Object    uintptr
	Index     int
	Allocated bool // else it is free
	Bytes     []byte
	Use       Use // the last allocation or free, whichever holds
}

const (
	damageBytes = 96 // kept of expected and found bytes
	dumpLines   = 6  // of 16 bytes
)

// Error returns the whole report: a line that says what happened, and lines with
// the particulars.
func (e *CorruptionError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "kmem: %s of %#x in cache %q: %s\n", e.Op, e.Object, e.Cache, e.Kind)
	fmt.Fprintf(&b, "  an object of %d bytes", e.Size)
	if e.Index >= 0 {
		fmt.Fprintf(&b, ", number %d of its slab", e.Index)
	}
	fmt.Fprintf(&b, ", in heap %q\n", e.Heap)
	if len(e.Found) > 0 {
		fmt.Fprintf(&b, "  at offset %d: expected % x, found % x\n%s", e.Offset, clip(e.Expected), clip(e.Found), e.dump)
	}
	b.WriteString(e.Allocated.describe("allocated", "  "))
	b.WriteString(e.Freed.describe("freed", "  "))
	if e.Allocated.At.IsZero() && e.Freed.At.IsZero() {
		b.WriteString("  nobody kept who had it; the flag store_user does\n")
	}
	for _, n := range e.Neighbours {
		side, state := "before", "free"
		if n.Object > e.Object {
			side = "behind"
		}
		if n.Allocated {
			state = "allocated"
		}
		fmt.Fprintf(&b, "  %s: object %d at %#x, %s: % x\n", side, n.Index, n.Object, state, n.Bytes)
		b.WriteString(n.Use.describe(state, "    "))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// String is Error.
func (e *CorruptionError) String() string { return e.Error() }

func clip(b []byte) []byte { return b[:min(len(b), 16)] }

// damage is what a check found; the zero value is nothing.
type damage struct {
	kind            Corruption
	offset          int // from the object's start
	expected, found []byte
	dump            string
}

// compare reports how found, the bytes at offset from the object's start, differs
// from want. It copies what it keeps.
func compare(kind Corruption, offset int, want, found []byte) damage {
	if bytes.Equal(want, found) {
		return damage{}
	}
	first, last := -1, 0
	for i := range want {
		if want[i] != found[i] {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	d := damage{kind: kind, offset: offset + first, dump: dumpDamage(offset, want, found)}
	end := min(last+1, first+damageBytes)
	d.expected, d.found = bytes.Clone(want[first:end]), bytes.Clone(found[first:end])
	return d
}

// dumpDamage shows the first lines of 16 bytes in which something is damaged.
func dumpDamage(offset int, want, found []byte) string {
	var b strings.Builder
	for i, lines := 0, 0; i < len(found) && lines < dumpLines; i += 16 {
		end := min(i+16, len(found))
		if !bytes.Equal(want[i:end], found[i:end]) {
			fmt.Fprintf(&b, "    %+5d: % x\n", offset+i, found[i:end])
			lines++
		}
	}
	return b.String()
}

// report makes the report of damage to object i of slab s. The caller holds mu.
func (d *debugCache) report(op string, s *slab, i uint32, bad damage) *CorruptionError {
	c := d.c
	e := &CorruptionError{
		Kind: bad.kind, Op: op, Heap: c.heap.name, Cache: c.name,
		Object: address(c.heap.at(d.object(s, i))), Size: c.geo.Asked, Index: int(i),
		Offset: bad.offset, Expected: bad.expected, Found: bad.found, dump: bad.dump,
	}
	if t := d.track(s, i); t != nil {
		e.Allocated, e.Freed = t.allocated.public(), t.freed.public()
	}
	for _, n := range [2]uint32{i - 1, i + 1} { // -1 wraps
		if n < c.num {
			e.Neighbours = append(e.Neighbours, d.neighbour(s, n))
		}
	}
	return e
}

func (d *debugCache) neighbour(s *slab, i uint32) Neighbour {
	obj := d.object(s, i)
	n := Neighbour{Object: address(d.c.heap.at(obj)), Index: int(i), Allocated: !s.has(i)}
	if n.Allocated || !d.poison.inaccessible {
		n.Bytes = bytes.Clone(d.c.heap.bytes(obj, min(d.c.geo.Asked, 16)))
	}
	if t := d.track(s, i); t != nil && n.Allocated {
		n.Use = t.allocated.public()
	} else if t != nil {
		n.Use = t.freed.public()
	}
	return n
}

// tell hands a report to who asked for it, or panics with it. No lock is held.
func (h *Heap) tell(e *CorruptionError) {
	if e == nil {
		return
	}
	if h.debug.Corrupted == nil {
		panic(e)
	}
	h.debug.Corrupted(e)
}
