// The protocol of LockAnonVMA as a small model, run through all interleavings:
// what each of its parts is there for, and which part nobody could miss.

package rmap

import (
	"fmt"
	"slices"
	"testing"
)

// protocol is the protocol with or without its parts.
type protocol struct {
	noFlag           bool // pages of an empty slab go at once
	noRecheck        bool // R5 is missing
	earlyExit        bool // R7 comes before R4
	exitAtLock       bool // R7 comes after R4, as a held lock was enough in 2.6.9
	mapcountFirst    bool // O3 before O2
	mappingFirst     bool // R3 before R2, as 2.6.9 did
	recheckBackwards bool // in R5 mapping is looked at before mapcount
	newUnlocked      bool // a new anon_vma gets its first VMA without the lock
}

// The oracles of the model.
const (
	sawForeign = 1 << iota // a lock was written in memory that is something else by now
	sawUnused              // the anon_vma that was returned had no VMA
	sawTorn                // its list was walked while somebody changed it
)

func oracles(seen int) (names []string) {
	for i, n := range []string{"foreign", "unused", "torn"} {
		if seen&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// TestModel runs all interleavings of a reader, the owner of a page that goes
// away, another owner who gets the page's frame and perhaps the anon_vma, and the
// slab that holds the anon_vma.
func TestModel(t *testing.T) {
	for _, c := range []struct {
		name string
		p    protocol
		want []string
	}{
		{"as it is", protocol{}, nil},
		{"without the flag", protocol{noFlag: true}, []string{"foreign"}},
		{"no recheck", protocol{noRecheck: true}, []string{"unused"}},
		{"section left before the lock", protocol{earlyExit: true}, []string{"foreign"}},
		{"section left when the lock is held", protocol{exitAtLock: true}, []string{"foreign"}},
		{"mapcount before mapping", protocol{mapcountFirst: true}, []string{"foreign", "unused"}},
		{"mapping read before mapcount", protocol{mappingFirst: true}, []string{"foreign"}},
		{"recheck in the other order", protocol{recheckBackwards: true}, []string{"unused"}},
		// The reader does not touch the list before R5, and R5 holds only when
		// the page is mapped by the family of that list, which is after the
		// link. So a torture cannot see this one; an assertion does.
		{"new anon_vma not locked", protocol{newUnlocked: true}, nil},
		// With the rest gone it matters: then walkers meet the link.
		{"new anon_vma not locked, no recheck", protocol{newUnlocked: true, noRecheck: true}, []string{"unused", "torn"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := explorer{protocol: c.p, been: map[modelState]bool{}}
			m.explore(modelStart, nil)
			t.Logf("%d states, found %v", len(m.been), oracles(m.seen))
			if got := oracles(m.seen); !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v; first: %v", got, c.want, m.trace)
			}
		})
	}
}

// What a cell of memory is.
const (
	cellFree    = iota // an AnonVMA on its slab, constructed
	cellUsed           // an AnonVMA in use
	cellLimbo          // its slab waits
	cellForeign        // something else
)

// Who holds a lock.
const (
	nobody = iota
	theReader
	firstOwner
	secondOwner
)

type modelCell struct {
	kind, holder int8
	members      uint8 // bit per owner whose VMA is on the list
	torn         bool  // between the stores of a change of the list
}

// modelState is everything. Cells 1 and 2 may be anon_vmas; mapping 0 is none.
type modelState struct {
	mapcount, mapping int8
	cell              [3]modelCell
	section, waits    bool // reader is in a section; limbo waits for it
	reader            int8 // next step of each
	seen              int8 // what the reader read from mapping
	first, second     int8
	home              int8 // the second owner's cell
}

// modelStart: the first owner's VMA maps the page; cell 1 is its anon_vma.
var modelStart = modelState{
	mapcount: 0, mapping: 1,
	cell: [3]modelCell{1: {kind: cellUsed, members: 1}, 2: {kind: cellFree}},
}

type explorer struct {
	protocol
	been  map[modelState]bool
	seen  int
	trace []string // to the first violation
}

// explore visits every state that can be reached.
func (m *explorer) explore(s modelState, path []string) {
	if m.been[s] {
		return
	}
	m.been[s] = true
	step := func(name string, f func(*modelState) bool) {
		next := s
		if f(&next) {
			m.explore(next, append(slices.Clip(path), name))
		}
	}
	note := func(s *modelState, who string, bits int) {
		if bits != 0 && m.seen == 0 {
			m.trace = append(slices.Clip(path), fmt.Sprintf("%s: %v", who, oracles(bits)))
		}
		m.seen |= bits
	}
	step(fmt.Sprintf("R%d", s.reader), func(s *modelState) bool { return m.stepReader(s, note) })
	step(fmt.Sprintf("first%d", s.first), func(s *modelState) bool { return s.stepFirst() })
	for home := range int8(2) {
		step(fmt.Sprintf("second%d", s.second), func(s *modelState) bool { return m.stepSecond(s, home+1) })
	}
	step("slab", func(s *modelState) bool { return m.stepSlab(s) })
}

// The reader's steps.
const (
	rEnter = iota
	rFirstLook
	rSecondLook
	rLock
	rRecheckFirst
	rRecheckSecond
	rWalk
	rUnlock
	rGiveUp
	rLeave
	rDone
)

func (m *explorer) stepReader(s *modelState, note func(*modelState, string, int)) bool {
	av := &s.cell[s.seen]
	to := func(pc int8) bool { s.reader = pc; return true }
	mapped := func(next int8, otherwise int8) bool {
		if s.mapcount < 0 {
			return to(otherwise)
		}
		return to(next)
	}
	switch s.reader {
	case rEnter:
		s.section = true
		return to(rFirstLook)
	case rFirstLook, rSecondLook:
		if (s.reader == rFirstLook) == m.mappingFirst {
			s.seen = s.mapping
			return to(s.reader + 1)
		}
		return mapped(s.reader+1, rLeave)
	case rLock:
		if m.earlyExit && s.section {
			s.leave()
			return true
		}
		if av.kind == cellForeign {
			note(s, "lock", sawForeign)
			return false
		}
		if av.holder != nobody {
			return false
		}
		av.holder = theReader
		if m.exitAtLock {
			s.leave()
		}
		if m.noRecheck {
			return to(rWalk)
		}
		return to(rRecheckFirst)
	case rRecheckFirst, rRecheckSecond:
		if (s.reader == rRecheckFirst) == m.recheckBackwards {
			if s.mapping != s.seen {
				return to(rGiveUp)
			}
			return to(s.reader + 1)
		}
		return mapped(s.reader+1, rGiveUp)
	case rWalk:
		bits := 0
		if av.members == 0 {
			bits |= sawUnused
		}
		if av.torn {
			bits |= sawTorn
		}
		note(s, "walk", bits)
		return to(rUnlock)
	case rUnlock, rGiveUp:
		if av.kind == cellForeign {
			note(s, "unlock", sawForeign)
			return false
		}
		av.holder = nobody
		return to(rLeave)
	case rLeave:
		s.leave()
		return to(rDone)
	}
	return false
}

func (s *modelState) leave() { s.section, s.waits = false, false }

// change is the four steps of changing a list: lock, the first store, the last
// store, unlock.
func (c *modelCell) change(pc int8, who int8, withLock bool, apply func(*modelCell)) bool {
	switch pc {
	case 0:
		if !withLock {
			return true
		}
		if c.holder != nobody {
			return false
		}
		c.holder = who
	case 1:
		c.torn = true
	case 2:
		apply(c)
		c.torn = false
	case 3:
		if withLock {
			c.holder = nobody
		}
	}
	return true
}

// stepFirst is O4, O5: the page is unmapped, the VMA leaves, the anon_vma is
// freed.
func (s *modelState) stepFirst() bool {
	av := &s.cell[1]
	switch s.first {
	case 0:
		s.mapcount--
	case 1, 2, 3, 4:
		if !av.change(s.first-1, firstOwner, true, func(c *modelCell) { c.members &^= 1 }) {
			return false
		}
	case 5:
		av.kind = cellFree
	default:
		return false
	}
	s.first++
	return true
}

// stepSecond is O1 to O3 of somebody else, who gets the frame once it is
// unmapped, and an anon_vma that is free: the same one or another.
func (m *explorer) stepSecond(s *modelState, home int8) bool {
	if s.second == 0 {
		if s.first == 0 || s.cell[home].kind != cellFree {
			return false
		}
		s.home, s.cell[home].kind = home, cellUsed
		s.second++
		return true
	}
	if home != s.home {
		return false
	}
	av := &s.cell[home]
	switch s.second {
	case 1, 2, 3, 4:
		if !av.change(s.second-1, secondOwner, !m.newUnlocked, func(c *modelCell) { c.members |= 2 }) {
			return false
		}
	case 5, 6:
		if (s.second == 5) != m.mapcountFirst {
			s.mapping = home
		} else {
			s.mapcount++
		}
	default:
		return false
	}
	s.second++
	return true
}

// stepSlab is O6 and O7: the slab of cell 1 goes when it is empty.
func (m *explorer) stepSlab(s *modelState) bool {
	c := &s.cell[1]
	switch {
	case c.kind == cellFree && m.noFlag:
		c.kind = cellForeign
	case c.kind == cellFree:
		c.kind, s.waits = cellLimbo, s.section
	case c.kind == cellLimbo && !s.waits:
		c.kind = cellForeign
	default:
		return false
	}
	return true
}
