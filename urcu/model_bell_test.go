//go:build !race && !invariants

// Models of the bell: a late reader, and the leader that sleeps for it. What must
// not happen is that everybody waits; there are no timers here.

package urcu

import "testing"

// TestModelBell is W in lead.go: one reader (MB) that leaves, one leader that asks
// to be told.
func TestModelBell(t *testing.T) {
	const word, notice, ring = 0, 1, 2
	reader := func(lookFirst bool) program {
		leave := one("leave", func(c *cpu) bool { return c.store(word, 0) })
		look := one("look at the mark", func(c *cpu) bool { c.t.reg[0] = c.load(notice); return true })
		tell := one("ring", func(c *cpu) bool { return c.t.reg[0] == 0 || c.xchg(ring, 1) })
		if lookFirst {
			return program{look, leave, tell}
		}
		return program{leave, look, tell}
	}
	leader := func(fence bool) program {
		return program{
			one("mark", func(c *cpu) bool { return c.xchg(notice, 1) }),
			one("heavy fence", func(c *cpu) bool { return !fence || c.membarrier() }),
			one("look again", func(c *cpu) bool {
				if c.load(word) == 0 {
					return c.jump(4)
				}
				return true
			}),
			one("sleep", func(c *cpu) bool { return c.load(ring) == 1 }),
		}
	}
	build := func(name string, fence, lookFirst bool) model {
		return model{
			name: name, start: func(mem *[maxWords]uint8) { mem[word] = 1 },
			programs: []program{reader(lookFirst), leader(fence)},
		}
	}
	const lost = "everybody waits"
	build("mark, fence, look; leave, look", true, false).holds(t)
	build("no heavy fence", false, false).breaks(t, lost)
	build("the reader looks before it leaves", true, true).breaks(t, lost)
}

type parkOptions struct {
	offline   bool // the reader goes offline between its sections, and comes back
	noFence   bool // broken: the leader never calls membarrier
	ackOnly   bool // broken: the leader sleeps without noticeParked
	lookFirst bool // broken: the reader looks at the notice before it leaves
	noRing    bool // broken: the reader takes the notice and does not ring
}

// Memory of the model of Memb's notices and the bell; words as in the models of
// grace periods.
const (
	pEpoch  = 0
	pWord   = 1
	pNotice = 2
	pRing   = 3

	pParked = 0x40 // bit of the notice
)

// modelParkReader starts inside a section, leaves it, and has more.
func modelParkReader(sections int, o parkOptions) program {
	left := sections
	return repeat(sections, func(base int) program {
		left--
		ring := func(c *cpu) bool {
			was := c.t.reg[0]
			c.t.reg[0] &^= pParked
			return was&pParked == 0 || o.noRing || c.xchg(pRing, 1)
		}
		take := func(next uint8) []instr {
			return one("take the notice", func(c *cpu) bool {
				if !c.fence() {
					return false
				}
				c.t.reg[0] = c.m.mem[pNotice]
				return c.xchg(pNotice, next)
			})
		}
		const end = 5
		p := program{
			one("leave", func(c *cpu) bool { return c.store(pWord, c.load(pWord)-1) }),
			one("look at the notice", func(c *cpu) bool {
				if c.load(pNotice) == 0 {
					return c.jump(base + end)
				}
				return true
			}),
			take(0),
			one("ring", ring),
			one("acknowledge", func(c *cpu) bool {
				e := c.t.reg[0]
				c.t.reg[0] = 0
				return e == mOffline || c.store(pWord, mStep*e)
			}),
		}
		if o.lookFirst {
			p = program{
				one("look at the notice", func(c *cpu) bool { c.t.reg[2] = c.load(pNotice); return true }),
				p[0],
				one("any notice", func(c *cpu) bool {
					seen := c.t.reg[2]
					c.t.reg[2] = 0
					if seen == 0 {
						return c.jump(base + end + 1)
					}
					return true
				}),
				p[2], p[3], p[4],
			}
		}
		if left == 0 {
			return p
		}
		if o.offline {
			p = append(p,
				one("offline", func(c *cpu) bool { return c.xchg(pWord, 0) }),
				take(mOffline),
				one("ring", ring),
				one("load the epoch", func(c *cpu) bool { c.t.reg[0], c.t.reg[1] = 0, c.load(pEpoch); return true }),
				one("online", func(c *cpu) bool {
					if !c.xchg(pWord, mStep*c.t.reg[1]) {
						return false
					}
					c.t.reg[1] = 0
					return true
				}))
		}
		return append(p, one("enter", func(c *cpu) bool { return c.store(pWord, c.load(pWord)+1) }))
	})
}

// modelParkLeader is a pass over one reader that ends asleep, so many times.
func modelParkLeader(periods int, o parkOptions) program {
	return repeat(periods, func(base int) program {
		const look, done = 3, 8
		passed := func(c *cpu, to int) bool {
			if w := c.load(pWord); w%mStep == 0 || w/mStep >= c.t.reg[0] {
				return c.jump(base + to)
			}
			return true
		}
		mark := uint8(pParked)
		if o.ackOnly {
			mark = 0
		}
		fence := one("heavy fence", func(c *cpu) bool { return o.noFence || c.membarrier() })
		return program{
			one("announce", func(c *cpu) bool {
				if !c.xchg(pEpoch, c.m.mem[pEpoch]+1) {
					return false
				}
				c.t.reg[0] = c.m.mem[pEpoch]
				return true
			}),
			one("ask", func(c *cpu) bool { return c.store(pNotice, c.t.reg[0]) }),
			fence,
			look: one("look", func(c *cpu) bool { return passed(c, done) }),
			4:    one("forget an old ring", func(c *cpu) bool { return c.xchg(pRing, 0) }),
			5:    one("mark", func(c *cpu) bool { return c.xchg(pNotice, c.t.reg[0]|mark) }),
			6: one("heavy fence, look again", func(c *cpu) bool {
				return (o.noFence || c.membarrier()) && passed(c, done)
			}),
			7: one("sleep", func(c *cpu) bool { return c.load(pRing) == 1 && c.jump(base+look) }),
		}
	})
}

// A leader that sleeps, a driver that passes the reader by its word, ends the grace
// period, and asks for the next one: the reader must still ring for the sleeper.
func TestModelParkAndDrive(t *testing.T) {
	build := func(name string, keep bool) model {
		sleeper := program{
			one("mark", func(c *cpu) bool { return c.xchg(pNotice, 1|pParked) }),
			one("give the lead away", func(c *cpu) bool {
				c.m.mem[pEpoch] = 1
				if c.membarrier(); c.load(pWord)%mStep == 0 {
					return c.jump(3)
				}
				return true
			}),
			one("sleep", func(c *cpu) bool { return c.load(pRing) == 1 }),
		}
		driver := program{
			one("end the grace period", func(c *cpu) bool { return c.load(pEpoch) == 1 && c.load(pWord)%mStep == 0 }),
			one("announce", func(c *cpu) bool { return c.xchg(pEpoch, 2) }),
			one("look at the mark", func(c *cpu) bool {
				if keep {
					c.t.reg[0] = c.load(pNotice) & pParked
				}
				return true
			}),
			one("ask", func(c *cpu) bool { return c.store(pNotice, c.t.reg[0]|2) }),
		}
		return model{
			name: name, start: func(mem *[maxWords]uint8) { mem[pWord] = mStep + 1 },
			programs: []program{modelParkReader(1, parkOptions{}), sleeper, driver},
		}
	}
	build("the mark is kept", true).holds(t)
	build("the next notice wipes out the mark", false).breaks(t, "everybody waits")
}

func TestModelPark(t *testing.T) {
	build := func(name string, o parkOptions) model {
		return model{
			name: name, start: func(mem *[maxWords]uint8) { mem[pEpoch], mem[pWord] = 1, mStep+1 },
			programs: []program{modelParkReader(3, o), modelParkLeader(2, o)},
		}
	}
	const lost = "everybody waits"
	build("three sections, two grace periods", parkOptions{}).holds(t)
	build("offline between sections", parkOptions{offline: true}).holds(t)
	build("no heavy fence", parkOptions{noFence: true}).breaks(t, lost)
	build("sleeps having asked for an acknowledgement alone", parkOptions{ackOnly: true}).breaks(t, lost)
	build("the reader looks before it leaves", parkOptions{lookFirst: true}).breaks(t, lost)
	build("the reader does not ring", parkOptions{noRing: true}).breaks(t, lost)
}
