//go:build !race && !invariants

// Models of sections with a lease: a tenant that enters by plain stores, hands one
// section to a stranger, and has another word when its lease has ended.

package urcu

import "testing"

const (
	hWord     = mWord // the lease's
	hShared   = mWord + 1
	hRecalled = 8
	hLet      = 9 // 1: the slot has the lease
	hNotice   = mNotice
	hHanded   = 11 // the block of the section that was handed over, and 1
)

type homeOptions struct {
	noLook      bool // broken: the tenant enters without a look at recalled
	lookEarly   bool // broken: it looks before it has written the word
	strangerAck bool // broken: the stranger acknowledges
	ackOpen     bool // broken: acknowledges a section before it has used its block
	noBarrier   bool // broken: the leader believes words without a membarrier
	lateRecall  bool // broken: recalled is set after the membarrier
	endsOpen    bool // broken: a recalled lease ends with a section open
}

// modelTenantOf is Enter, and Exit with exitSlow. Its last section but one is left by
// the stranger.
func modelTenantOf(sections int, o homeOptions) program {
	left := sections
	return repeat(sections, func(base int) program {
		left--
		handed := left == 1
		const shared, found = 6, 9
		clear := func(c *cpu) bool { c.t.reg = [maxRegs]uint8{}; return true }
		next := base + 18 // of which the last ones may be padding
		enter := one("enter", func(c *cpu) bool { return c.store(hWord, c.t.reg[0]+1) })
		look := one("look at recalled", func(c *cpu) bool { c.t.reg[2] = c.load(hRecalled); return true })
		if o.lookEarly {
			enter, look = look, enter
		}
		p := program{
			one("is the lease mine", func(c *cpu) bool { return c.load(hLet) == 1 || c.jump(base+shared) }),
			one("is the word free", func(c *cpu) bool {
				c.t.reg[0] = c.load(hWord)
				return c.t.reg[0]%mStep == 0 || c.jump(base+shared)
			}),
			enter, look,
			one("recalled?", func(c *cpu) bool {
				c.t.reg[3] = 1
				return c.t.reg[2] != 0 && !o.noLook || c.jump(base+found)
			}),
			one("undo", func(c *cpu) bool { c.t.reg[3] = 0; return c.store(hWord, c.t.reg[0]) }),
			one("load the epoch", func(c *cpu) bool { c.t.reg[0] = c.load(mEpoch); return true }),
			one("claim a shared word", func(c *cpu) bool { return c.xchg(hShared, mStep*c.t.reg[0]+1) }),
			one("shared", func(c *cpu) bool { c.t.reg[3] = 2; return true }),
		}
		p = append(p, modelSection()[0])
		hand := one("hand it over", func(c *cpu) bool {
			if !handed || c.t.reg[3] != 1 {
				return true
			}
			return c.xchg(hHanded, c.t.reg[1]+1) && clear(c) && c.jump(next)
		})
		ack := program{
			one("look at the notice", func(c *cpu) bool {
				c.t.reg[0] = c.load(hNotice)
				return c.t.reg[0] != 0 || clear(c) && c.jump(next)
			}),
			one("take the notice", func(c *cpu) bool {
				c.t.reg[0] = c.load(hNotice)
				return c.xchg(hNotice, 0)
			}),
			one("acknowledge", func(c *cpu) bool {
				e := c.t.reg[0]
				return (e == 0 || c.store(hWord, mStep*e)) && clear(c) && c.jump(next)
			}),
		}
		leave := one("leave", func(c *cpu) bool {
			if c.t.reg[3] == 2 {
				return c.store(hShared, 0) && clear(c) && c.jump(next)
			}
			return c.store(hWord, c.load(hWord)-1)
		})
		p = append(p, hand)
		if o.ackOpen {
			p = append(p, one("acknowledge inside", func(c *cpu) bool {
				if e := c.load(hNotice); e != 0 && c.t.reg[3] == 1 {
					return c.store(hWord, mStep*e+1)
				}
				return true
			}))
		}
		p = append(p, modelSection()[1], leave)
		p = append(p, ack...)
		for len(p) < next-base {
			p = append(p, one("", func(c *cpu) bool { return true }))
		}
		return p
	})
}

// modelStranger leaves the section that it gets, if it gets one.
func modelStranger(o homeOptions, tenantEnds int) program {
	end := 4
	return program{
		one("get a section", func(c *cpu) bool {
			if c.t.reg[1] = c.m.mem[hHanded]; c.t.reg[1] != 0 {
				c.t.reg[1]--
				return true
			}
			return int(c.m.thread[0].pc) >= tenantEnds && c.jump(end)
		}),
		modelSection()[1],
		one("leave", func(c *cpu) bool { return c.store(hWord, c.load(hWord)-1) }),
		one("acknowledge", func(c *cpu) bool {
			if e := c.load(hNotice); o.strangerAck && e != 0 {
				return c.store(hWord, mStep*e)
			}
			return true
		}),
	}
}

// modelHomeLeader unpublishes, waits for both words, ends the lease when its tenant
// stayed silent, and frees.
func modelHomeLeader(periods int, o homeOptions) program {
	g := uint8(0)
	return repeat(periods, func(base int) program {
		g++
		now := g
		const shared = 6
		quiet := func(c *cpu) bool { return c.load(hWord)%mStep == 0 }
		acked := func(c *cpu) bool { return c.load(hWord)/mStep >= c.t.reg[0] }
		ended := func(c *cpu) bool { return c.xchg(hLet, 0) && c.jump(base+shared) }
		recall := func(c *cpu) bool { return acked(c) || c.xchg(hRecalled, 1) }
		return program{
			one("unpublish", func(c *cpu) bool { return c.store(mPtr, now) }),
			one("announce", func(c *cpu) bool {
				if !c.xchg(mEpoch, c.m.mem[mEpoch]+1) {
					return false
				}
				c.t.reg[0] = c.m.mem[mEpoch]
				return true
			}),
			one("is there a lease", func(c *cpu) bool { return c.load(hLet) == 1 || c.jump(base+shared) }),
			one("ask", func(c *cpu) bool { return c.store(hNotice, c.t.reg[0]) }),
			{
				{"pass by ack", func(c *cpu) bool { return acked(c) && c.jump(base+shared) }},
				{"recall", func(c *cpu) bool { return o.lateRecall || recall(c) }},
			},
			{
				{"membarrier", func(c *cpu) bool {
					if c.t.reg[1] != 0 {
						return false
					}
					c.t.reg[1] = 1
					c.t.pc--
					return o.noBarrier || c.membarrier()
				}},
				{"pass by word", func(c *cpu) bool {
					if c.t.reg[1] == 0 || !quiet(c) && !acked(c) && !(o.endsOpen && now < uint8(periods)) {
						return false
					}
					if o.lateRecall && !recall(c) {
						return false
					}
					if c.load(hRecalled) != 0 && (quiet(c) || o.endsOpen) {
						return ended(c)
					}
					return true
				}},
			},
			one("pass the shared word", func(c *cpu) bool {
				c.t.reg[1] = 0
				w := c.load(hShared)
				return w%mStep == 0 || w/mStep >= c.t.reg[0]
			}),
			one("free", func(c *cpu) bool { c.m.mem[mFreed+now-1] = 1; return true }),
		}
	})
}

func TestModelHome(t *testing.T) {
	const sections = 3
	build := func(name string, o homeOptions) model {
		tenant := modelTenantOf(sections, o)
		return model{
			name:     name,
			start:    func(mem *[maxWords]uint8) { mem[mEpoch], mem[hWord], mem[hLet] = 1, mStep, 1 },
			programs: []program{tenant, modelStranger(o, len(tenant)), modelHomeLeader(2, o)},
		}
	}
	build("three sections, one handed over, two grace periods", homeOptions{}).holds(t)
	build("entered without a look at recalled", homeOptions{noLook: true}).breaks(t, heldFreed)
	build("recalled looked at before the word is written", homeOptions{lookEarly: true}).breaks(t, heldFreed)
	build("a stranger acknowledges", homeOptions{strangerAck: true}).breaks(t, heldFreed)
	build("acknowledged inside", homeOptions{ackOpen: true}).breaks(t, heldFreed)
	build("no membarrier", homeOptions{noBarrier: true}).breaks(t, heldFreed)
	build("recalled after the membarrier", homeOptions{lateRecall: true}).breaks(t, heldFreed)
	build("lease ended with a section open", homeOptions{endsOpen: true}).breaks(t, heldFreed)
}
