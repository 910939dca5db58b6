//go:build !race && !invariants

// Models of grace periods: the leader, MB, QSBR. Memb is in model_memb_test.go.

package urcu

import "testing"

// Memory of these models. Epochs count by one here. A word is mStep times the
// epoch and the number of open sections; 0 is offline or before the first section.
const (
	mEpoch     = 0
	mPtr       = 1 // which block is published
	mCompleted = 2
	mFreed     = 3 // mFreed+b: block b was freed; three blocks
	mWord      = 6 // mWord+r
	mQuiet     = 8
	mNotice    = 10 // mNotice+r: the epoch, or mOffline

	mStep    = 4 // the count has two bits
	mOffline = 0x80
)

const heldFreed = "a reader holds a freed block"

// section is the middle of every section: find the block, use it later.
func modelSection() program {
	return program{
		one("load the pointer", func(c *cpu) bool { c.t.reg[1] = c.load(mPtr); return true }),
		one("use the block", func(c *cpu) bool {
			if c.load(mFreed+c.t.reg[1]) != 0 {
				c.fail(heldFreed)
			}
			return true
		}),
	}
}

// repeat strings n copies of p together. Jumps inside are relative to the
// start of the copy.
func repeat(n int, p func(base int) program) program {
	var all program
	for range n {
		all = append(all, p(len(all))...)
	}
	return all
}

type leaderOptions struct {
	memb        bool
	noBarrier   bool  // broken: no membarrier at all
	acksOnly    bool  // the last grace period passes readers by their acknowledgements alone
	askFirst    bool  // broken: asks before it unpublishes
	trustIdle   bool  // broken: no membarrier when the word counts no section
	trustQuiet  bool  // broken: no membarrier when the word is as one found it, and counts no section
	ackEarly    uint8 // broken: acks of so many epochs ago are accepted
	half        bool  // broken: waits for words below the epoch it found, not the next
	skipReaders int   // broken
}

// modelUpdater unpublishes, leads a grace period and frees, so many times.
func modelUpdater(readers, periods int, o leaderOptions) program {
	g := uint8(0)
	return repeat(periods, func(base int) program {
		g++
		now := g
		unpublish := one("unpublish", func(c *cpu) bool { return c.store(mPtr, now) })
		announce := one("announce", func(c *cpu) bool {
			if !c.xchg(mEpoch, c.m.mem[mEpoch]+1) {
				return false
			}
			c.t.reg[0], c.t.reg[1] = c.m.mem[mEpoch], 0 // target, fenced
			if o.half {
				c.t.reg[0]--
			}
			return true
		})
		p := program{unpublish, announce}
		for r := 0; r < readers && o.memb; r++ {
			p = append(p, modelAsk(uint8(r)))
		}
		if o.askFirst {
			p = append(p[1:], unpublish)
		}
		for r := o.skipReaders; r < readers; r++ {
			pass := o
			pass.acksOnly = o.acksOnly && now == uint8(periods)
			p = append(p, modelPass(uint8(r), pass))
		}
		return append(p, one("free", func(c *cpu) bool { c.m.mem[mFreed+now-1] = 1; return true }))
	})
}

// modelPass is passed: it waits, or fences, or moves on.
func modelPass(r uint8, o leaderOptions) []instr {
	gone := func(c *cpu) bool {
		w := c.load(mWord + r)
		return w%mStep == 0 || w/mStep >= c.t.reg[0]
	}
	idle := func(c *cpu) bool { return c.load(mWord+r)%mStep == 0 }
	if !o.memb {
		return one("pass by word", gone)
	}
	ways := []instr{
		{"pass by ack", func(c *cpu) bool {
			w := c.load(mWord + r)
			return w == 0 || w/mStep+o.ackEarly >= c.t.reg[0]
		}},
		{"membarrier", func(c *cpu) bool {
			if c.t.reg[1] != 0 || o.noBarrier {
				return false
			}
			c.t.reg[1] = 1
			c.t.pc--
			return c.membarrier()
		}},
		{"pass by word", func(c *cpu) bool {
			if c.t.reg[1] == 0 && !o.noBarrier {
				return o.trustIdle && idle(c) ||
					o.trustQuiet && c.m.mem[mQuiet+r] == c.load(mWord+r) && idle(c)
			}
			if !gone(c) {
				return false
			}
			if o.trustQuiet && idle(c) {
				c.m.mem[mQuiet+r] = c.load(mWord + r)
			}
			return true
		}},
	}
	if o.acksOnly {
		return ways[:1]
	}
	return ways
}

// modelAsk is askAll, for one reader.
func modelAsk(r uint8) []instr {
	return one("ask", func(c *cpu) bool { return c.store(mNotice+r, c.t.reg[0]) })
}

func epochStart(mem *[maxWords]uint8) { mem[mEpoch] = 1 }

// modelMBReader is lockMB and unlock; also a section of any goroutine that has
// found its word.
func modelMBReader(r uint8, sections int, fence bool) program {
	return repeat(sections, func(int) program {
		p := program{
			one("load the epoch", func(c *cpu) bool { c.t.reg[0] = c.load(mEpoch); return true }),
			one("word", func(c *cpu) bool {
				if fence {
					return c.xchg(mWord+r, mStep*c.t.reg[0]+1)
				}
				return c.store(mWord+r, mStep*c.t.reg[0]+1)
			}),
		}
		p = append(p, modelSection()...)
		return append(p, one("leave", func(c *cpu) bool { return c.store(mWord+r, c.load(mWord+r)-1) }))
	})
}

func TestModelMB(t *testing.T) {
	build := func(name string, fence bool, u leaderOptions) model {
		return model{name: name, start: epochStart, programs: []program{
			modelUpdater(2, 2, u), modelMBReader(0, 2, fence), modelMBReader(1, 2, fence),
		}}
	}
	build("two readers, two sections, two grace periods", true, leaderOptions{}).holds(t)
	build("word stored without a fence", false, leaderOptions{}).breaks(t, heldFreed)
	build("no wait for one reader", true, leaderOptions{skipReaders: 1}).breaks(t, heldFreed)
	build("half a grace period", true, leaderOptions{half: true}).breaks(t, heldFreed)
}

type qsbrOptions struct {
	plainOnline bool // broken
	early       bool // broken: announces before the block is used
}

// modelQSBRReader is online, has a section, announces, has another, goes offline,
// comes back, has a third.
func modelQSBRReader(r uint8, o qsbrOptions) program {
	loadEpoch := one("load the epoch", func(c *cpu) bool { c.t.reg[0] = c.load(mEpoch); return true })
	announce := one("announce", func(c *cpu) bool { return c.store(mWord+r, mStep*c.t.reg[0]+1) })
	s := modelSection()
	p := program{s[0], s[1], loadEpoch, announce}
	if o.early {
		p = program{s[0], loadEpoch, announce, s[1]}
	}
	p = append(p, s...)
	p = append(p,
		one("offline", func(c *cpu) bool { return c.xchg(mWord+r, 0) }),
		loadEpoch,
		one("online", func(c *cpu) bool {
			if o.plainOnline {
				return c.store(mWord+r, mStep*c.t.reg[0]+1)
			}
			return c.xchg(mWord+r, mStep*c.t.reg[0]+1)
		}))
	p = append(p, s...)
	return append(p, one("unregister", func(c *cpu) bool { return c.xchg(mWord+r, 0) }))
}

func TestModelQSBR(t *testing.T) {
	build := func(name string, o qsbrOptions) model {
		return model{
			name:  name,
			start: func(mem *[maxWords]uint8) { mem[mEpoch], mem[mWord], mem[mWord+1] = 1, mStep+1, mStep+1 },
			programs: []program{
				modelUpdater(2, 2, leaderOptions{}), modelQSBRReader(0, o), modelQSBRReader(1, o),
			},
		}
	}
	build("two readers, three sections, two grace periods", qsbrOptions{}).holds(t)
	build("online by a plain store", qsbrOptions{plainOnline: true}).breaks(t, heldFreed)
	build("announced before the last use", qsbrOptions{early: true}).breaks(t, heldFreed)
}

// A leader of its own advances epochs while an updater takes a tag and waits for
// it: what a tag is worth when somebody else's grace periods are under way.
func TestModelTag(t *testing.T) {
	leader := func(periods int) program {
		return repeat(periods, func(int) program {
			p := program{one("announce", func(c *cpu) bool {
				if !c.xchg(mEpoch, c.m.mem[mEpoch]+1) {
					return false
				}
				c.t.reg[0] = c.m.mem[mEpoch]
				return true
			})}
			p = append(p, modelPass(0, leaderOptions{}))
			return append(p, one("finish", func(c *cpu) bool { return c.store(mCompleted, c.t.reg[0]) }))
		})
	}
	updater := func(fence bool, ahead uint8) program {
		return program{
			one("unpublish", func(c *cpu) bool { return c.store(mPtr, 1) }),
			one("fence", func(c *cpu) bool { return !fence || c.fence() }),
			one("take a tag", func(c *cpu) bool { c.t.reg[0] = c.load(mEpoch) + ahead; return true }),
			one("tag is done", func(c *cpu) bool { return c.load(mCompleted) >= c.t.reg[0] }),
			one("free", func(c *cpu) bool { c.m.mem[mFreed] = 1; return true }),
		}
	}
	build := func(name string, fence bool, ahead uint8) model {
		return model{
			name: name, start: func(mem *[maxWords]uint8) { mem[mEpoch], mem[mCompleted] = 1, 1 },
			programs: []program{leader(3), modelMBReader(0, 2, true), updater(fence, ahead)},
			idle:     func(m *machine) bool { return int(m.thread[2].pc) < 5 }, // its tag was beyond the last period
		}
	}
	build("tag after a fence", true, 1).holds(t)
	build("tag before the unpublishing is visible", false, 1).breaks(t, heldFreed)
	build("tag of the epoch under way", true, 0).breaks(t, heldFreed)
}
