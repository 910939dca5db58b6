//go:build !race && !invariants

// A model checker in one screen: every interleaving of a few small programs on a
// machine with store buffers. The models of this package's protocols are in the
// other model_*_test.go files.
//
// It is what the ordering comments in the code stand on: amd64 delays stores
// exactly like this (TSO), and builds for other machines use sequentially
// consistent atomics, whose behaviours are those of empty store buffers, a
// subset. A torture run samples orders; this one has them all.

package urcu

import (
	"fmt"
	"strings"
	"testing"
)

const (
	maxThreads = 4
	maxWords   = 12
	maxBuffer  = 4
	maxRegs    = 4
)

// A machine is one state: memory, and for each thread where it is, what it
// knows, and which of its stores nobody has seen yet. It is its own hash key.
type machine struct {
	mem    [maxWords]uint8
	thread [maxThreads]thread
}

type thread struct {
	pc   uint8
	reg  [maxRegs]uint8
	held uint8 // stores in buf
	buf  [maxBuffer]struct{ addr, val uint8 }
}

// A program is a list of instructions; one may have several alternatives.
type program [][]instr

// An instr tries one step of a thread and reports whether it could be made. An
// instr that cannot waits: a loop that spins until something changes is one
// instruction. The cpu moves on to the next one unless it jumps.
type instr struct {
	name string
	do   func(c *cpu) bool
}

func one(name string, do func(c *cpu) bool) []instr { return []instr{{name, do}} }

// A cpu is a thread on its machine while it makes a step.
type cpu struct {
	m    *machine
	t    *thread
	fail func(string)
}

// load sees the thread's own newest store, or memory.
func (c *cpu) load(addr uint8) uint8 {
	for i := int(c.t.held) - 1; i >= 0; i-- {
		if c.t.buf[i].addr == addr {
			return c.t.buf[i].val
		}
	}
	return c.m.mem[addr]
}

// store waits while the buffer is full.
func (c *cpu) store(addr, val uint8) bool {
	if c.t.held == maxBuffer {
		return false
	}
	c.t.buf[c.t.held].addr, c.t.buf[c.t.held].val = addr, val
	c.t.held++
	return true
}

// fence waits until the thread's stores are in memory.
func (c *cpu) fence() bool { return c.t.held == 0 }

// xchg is a store with a full fence.
func (c *cpu) xchg(addr, val uint8) bool {
	if !c.fence() {
		return false
	}
	c.m.mem[addr] = val
	return true
}

// membarrier is a fence on every thread at once.
func (c *cpu) membarrier() bool {
	for i := range c.m.thread {
		for c.m.thread[i].drain(c.m) {
		}
	}
	return true
}

func (c *cpu) jump(pc int) bool { c.t.pc = uint8(pc); return true }

// drain moves the oldest store to memory.
func (t *thread) drain(m *machine) bool {
	if t.held == 0 {
		return false
	}
	m.mem[t.buf[0].addr] = t.buf[0].val
	copy(t.buf[:], t.buf[1:])
	t.held--
	t.buf[t.held].addr, t.buf[t.held].val = 0, 0
	return true
}

// A model is programs and the memory they start with.
type model struct {
	name     string
	start    func(mem *[maxWords]uint8)
	programs []program
	idle     func(m *machine) bool // nil: every program must be able to end; else states in which waiting is all right
}

// A finding is what is wrong, and the shortest way there.
type finding struct {
	message string
	trace   []string
	states  int
}

// explore visits every state, breadth first.
func (m model) explore() finding {
	type visit struct {
		from int32
		step string
	}
	var first machine
	if m.start != nil {
		m.start(&first.mem)
	}
	index := map[machine]int32{first: 0}
	queue, visits := []machine{first}, []visit{{-1, ""}}
	var message string
	trace := func(i int32) (steps []string) {
		for ; i > 0; i = visits[i].from {
			steps = append(steps, visits[i].step)
		}
		for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
			steps[i], steps[j] = steps[j], steps[i]
		}
		return steps
	}
	for i := int32(0); int(i) < len(queue); i++ {
		state := queue[i]
		moved := false
		reach := func(s machine, step string) {
			moved = true
			if _, known := index[s]; !known {
				index[s] = int32(len(queue))
				queue, visits = append(queue, s), append(visits, visit{i, step})
			}
		}
		for t, p := range m.programs {
			s := state
			if s.thread[t].drain(&s) {
				reach(s, fmt.Sprintf("thread %d: a store becomes visible", t))
			}
			pc := state.thread[t].pc
			if int(pc) >= len(p) {
				continue
			}
			for _, in := range p[pc] {
				s := state
				c := &cpu{&s, &s.thread[t], func(text string) { message = text }}
				c.t.pc++
				if !in.do(c) {
					continue
				}
				step := fmt.Sprintf("thread %d: %s", t, in.name)
				if message != "" {
					return finding{message, append(trace(i), step), len(queue)}
				}
				reach(s, step)
			}
		}
		if !moved && !m.ended(&state) && (m.idle == nil || !m.idle(&state)) {
			return finding{"everybody waits", trace(i), len(queue)}
		}
	}
	return finding{states: len(queue)}
}

func (m model) ended(s *machine) bool {
	for t, p := range m.programs {
		if int(s.thread[t].pc) < len(p) {
			return false
		}
	}
	return true
}

// holds fails the test with the shortest counterexample, if there is one.
func (m model) holds(t *testing.T) {
	t.Helper()
	t.Run(m.name, func(t *testing.T) {
		f := m.explore()
		if f.message != "" {
			t.Fatalf("%s, after:\n    %s", f.message, strings.Join(f.trace, "\n    "))
		}
		t.Logf("%d states", f.states)
	})
}

// breaks fails the test when no order of the broken model shows the fault.
func (m model) breaks(t *testing.T, message string) {
	t.Helper()
	t.Run("broken: "+m.name, func(t *testing.T) {
		f := m.explore()
		if f.message != message {
			t.Fatalf("found %q in %d states, want %q", f.message, f.states, message)
		}
		t.Logf("%s, found after %d states, in %d steps:\n    %s", f.message, f.states, len(f.trace), strings.Join(f.trace, "\n    "))
	})
}

// The machine itself: store buffering happens, and a fence prevents it.
func TestModelMachine(t *testing.T) {
	const x, y, rx, ry = 0, 1, 2, 3
	litmus := func(name string, fence func(c *cpu) bool) model {
		side := func(mine, other, result uint8) program {
			return program{
				one("store", func(c *cpu) bool { return c.store(mine, 1) }),
				one("fence", fence),
				one("load", func(c *cpu) bool { c.t.reg[0] = c.load(other) + 1; return true }),
				one("result", func(c *cpu) bool {
					c.m.mem[result] = c.t.reg[0]
					if c.m.mem[rx] == 1 && c.m.mem[ry] == 1 {
						c.fail("both read 0")
					}
					return true
				}),
			}
		}
		return model{name: name, programs: []program{side(x, y, rx), side(y, x, ry)}}
	}
	litmus("store buffering", func(c *cpu) bool { return true }).breaks(t, "both read 0")
	litmus("store buffering with fences", (*cpu).fence).holds(t)
}
