//go:build !race && !invariants

// Model of waiting: the crowd with its lead and its sentinel. What must not happen
// is that everybody waits; there are no timers here.

package urcu

import "testing"

// Memory of the crowd's model. Epochs count by one; everything is sequentially
// consistent, and what the code does under crowd.mu is one step.
const (
	cLead      = 0
	cEpoch     = 1
	cCompleted = 2
	cWord      = 3
	cWaiting   = 4
	cBell      = 5
	cSentinel  = 6 // 0, or 1 + the waiter's number
	cIn        = 7 // cIn+w: waiter w is in the list
	cToken     = 9 // cToken+w: waiter w was woken
)

type crowdOptions struct {
	noHandOver  bool // broken: a sentinel that retires tells nobody
	noHeir      bool // broken: a finished grace period wakes only those it serves
	releaseLate bool // broken: looks at the crowd before it gives the lead away
}

// modelWake is crowd.wake. tags are those of the waiters.
func modelWake(c *cpu, tags []uint8, o crowdOptions) {
	done := c.m.mem[cCompleted]
	needed := (done == c.m.mem[cEpoch] || c.m.mem[cSentinel] == 0) && !o.noHeir
	for w, tag := range tags {
		if c.m.mem[cIn+w] == 0 {
			continue
		}
		if done < tag {
			if !needed {
				continue
			}
			needed = false
		}
		c.m.mem[cIn+w], c.m.mem[cToken+w] = 0, 1
	}
}

func modelAdvance(c *cpu) bool { return c.m.mem[cWord] == 0 || c.m.mem[cWord] >= c.m.mem[cEpoch] }

// modelRelease gives the lead away and wakes; two steps.
func modelRelease(tags []uint8, o crowdOptions) program {
	free := one("give the lead away", func(c *cpu) bool { c.m.mem[cLead] = 0; return true })
	wake := one("wake", func(c *cpu) bool { modelWake(c, tags, o); return true })
	if o.releaseLate {
		return program{wake, free}
	}
	return program{free, wake}
}

// modelWaiter is await for tags[w].
func modelWaiter(w int, tags []uint8, o crowdOptions) program {
	me := uint8(w)
	tag := tags[w]
	const loop, release, sleep, listen, retire, end = 0, 2, 4, 6, 8, 9
	done := func(c *cpu) bool { return c.m.mem[cCompleted] >= tag }
	p := program{
		loop: one("await", func(c *cpu) bool {
			if done(c) {
				return c.jump(retire)
			}
			if c.m.mem[cLead] != 0 {
				return c.jump(sleep)
			}
			c.m.mem[cLead] = 1
			return true
		}),
		1: one("lead", func(c *cpu) bool {
			if !done(c) && c.m.mem[cEpoch] == c.m.mem[cCompleted] {
				c.m.mem[cEpoch]++
				c.t.pc--
				return true
			}
			if !done(c) && modelAdvance(c) {
				c.m.mem[cCompleted] = c.m.mem[cEpoch]
				c.t.pc--
				return true
			}
			c.t.reg[0] = sleep // after the release
			if done(c) {
				c.t.reg[0] = loop
			}
			return c.jump(release)
		}),
	}
	p = append(p, modelRelease(tags, o)...)
	p[3][0].do = then(p[3][0].do, func(c *cpu) { c.jump(int(c.t.reg[0])) })
	return append(p,
		one("join the crowd", func(c *cpu) bool { c.m.mem[cIn+me] = 1; return true }),
		one("look again", func(c *cpu) bool {
			if c.m.mem[cLead] != 0 {
				c.t.reg[1] = 1 // without having asked anybody to ring
				return true
			}
			if done(c) || c.m.mem[cEpoch] == c.m.mem[cCompleted] || modelAdvance(c) {
				return c.jump(listen + 1)
			}
			c.t.reg[1] = 0
			c.m.mem[cBell], c.m.mem[cWaiting] = 0, 1
			if c.m.mem[cSentinel] == 0 {
				c.m.mem[cSentinel] = me + 1
			}
			return true
		}),
		one("sleep", func(c *cpu) bool {
			if c.m.mem[cSentinel] == me+1 && (c.m.mem[cBell] == 1 || c.t.reg[1] != 0) {
				return true // the bell, or the short timer of a sentinel that could not ask
			}
			return c.m.mem[cToken+me] == 1
		}),
		one("leave the crowd", func(c *cpu) bool {
			c.m.mem[cIn+me], c.m.mem[cToken+me] = 0, 0
			return c.jump(loop)
		}),
		one("retire", func(c *cpu) bool {
			if c.m.mem[cSentinel] == me+1 {
				c.m.mem[cSentinel] = 0
				if !o.noHandOver {
					modelWake(c, tags, o)
				}
			}
			return true
		}),
	)
}

func then(do func(c *cpu) bool, more func(c *cpu)) func(c *cpu) bool {
	return func(c *cpu) bool {
		ok := do(c)
		if ok {
			more(c)
		}
		return ok
	}
}

// modelDriver is step, so many times.
func modelDriver(steps int, tags []uint8, o crowdOptions) program {
	return repeat(steps, func(base int) program {
		p := program{
			one("step", func(c *cpu) bool {
				if c.m.mem[cLead] != 0 {
					return c.jump(base + 4)
				}
				c.m.mem[cLead] = 1
				return true
			}),
			one("begin or look", func(c *cpu) bool {
				if c.m.mem[cEpoch] == c.m.mem[cCompleted] {
					c.m.mem[cEpoch]++
				}
				if modelAdvance(c) {
					c.m.mem[cCompleted] = c.m.mem[cEpoch]
				}
				return true
			}),
		}
		return append(p, modelRelease(tags, o)...)
	})
}

// modelLateReader is in a section, leaves it, and has another one.
func modelLateReader(sections int) program {
	return repeat(sections, func(base int) program {
		return program{
			one("enter", func(c *cpu) bool { c.m.mem[cWord] = c.m.mem[cEpoch]; return true }),
			one("leave", func(c *cpu) bool { c.m.mem[cWord] = 0; return true }),
			one("look at the mark", func(c *cpu) bool {
				if c.m.mem[cWaiting] != 0 {
					c.m.mem[cWaiting], c.m.mem[cBell] = 0, 1
				}
				return true
			}),
		}
	})
}

func TestModelCrowd(t *testing.T) {
	build := func(name string, tags []uint8, drives int, o crowdOptions) model {
		programs := []program{modelWaiter(0, tags, o), modelWaiter(1, tags, o), modelLateReader(2)}
		if drives > 0 {
			programs = append(programs, modelDriver(drives, tags, o))
		}
		return model{
			name: name, start: func(mem *[maxWords]uint8) { mem[cEpoch], mem[cCompleted] = 1, 1 }, programs: programs,
		}
	}
	same, apart := []uint8{2, 2}, []uint8{2, 3}
	build("two waiters for one grace period", same, 0, crowdOptions{}).holds(t)
	build("two waiters for two grace periods", apart, 0, crowdOptions{}).holds(t)
	build("the same and a driver", apart, 2, crowdOptions{}).holds(t)
	const lost = "everybody waits"
	build("nobody is told that the sentinel has left", apart, 2, crowdOptions{noHandOver: true}).breaks(t, lost)
	build("a finished grace period wakes nobody to begin the next", apart, 2, crowdOptions{noHeir: true}).breaks(t, lost)
	build("the crowd is looked at before the lead is free", same, 0, crowdOptions{releaseLate: true}).breaks(t, lost)
}
