//go:build !race && !invariants

// Models of Memb readers: notices, acknowledgements, membarriers, offline. The
// leader is in model_epoch_test.go.

package urcu

import "testing"

type membOptions struct {
	offline     bool // the reader comes from offline before each section, and goes back but once
	nested      bool // each section has another one inside
	noFence     bool // broken: goes online by a plain store
	ackInside   bool // broken: acknowledges where the inner section ends
	loadEarly   bool // broken: begins the next section before it takes the notice
	plainTake   bool // broken: takes the notice by a plain store
	onlineTakes bool // broken: Online loads the epoch and then takes the notice
}

// modelMembReader is lockMemb, unlockMemb with unlockMembSlow, Offline and Online.
func modelMembReader(r uint8, sections int, o membOptions) program {
	word, notice := mWord+r, mNotice+r
	count := func(by uint8) func(c *cpu) bool {
		return func(c *cpu) bool { return c.store(word, c.load(word)+by) }
	}
	loadEpoch := one("load the epoch", func(c *cpu) bool { c.t.reg[0] = c.load(mEpoch); return true })
	load, use := modelSection()[0], modelSection()[1]
	find := one("load the pointer", func(c *cpu) bool { // unless that was done early
		if c.t.reg[2] == 0 {
			load[0].do(c)
		}
		c.t.reg[2] = 0
		return true
	})
	early := one("load the next pointer", func(c *cpu) bool { c.t.reg[2] = 1; return load[0].do(c) })
	left := sections
	return repeat(sections, func(base int) program {
		left--
		// unlock counts down and acknowledges, plus the sections left open.
		unlock := func(p program, open uint8, acks bool) program {
			take := one("take the notice", func(c *cpu) bool {
				c.t.reg[0] = c.load(notice)
				if o.plainTake {
					return c.store(notice, 0)
				}
				return c.xchg(notice, 0)
			})
			slow := program{take}
			if o.loadEarly {
				slow = program{early, take}
			}
			slow = append(slow, one("acknowledge", func(c *cpu) bool {
				e := c.t.reg[0]
				c.t.reg[0] = 0
				return e == mOffline || c.store(word, mStep*e+open)
			}))
			p = append(p, one("leave", count(^uint8(0))))
			if !acks {
				slow = nil // looks at the notice, and that it is nested
			}
			end := base + len(p) + 1 + len(slow)
			p = append(p, one("look at the notice", func(c *cpu) bool {
				if c.load(notice) == 0 {
					return c.jump(end)
				}
				return true
			}))
			return append(p, slow...)
		}
		var p program
		if o.offline {
			p = append(p, loadEpoch)
			if o.onlineTakes {
				p = append(p, one("take the notice", func(c *cpu) bool { return c.xchg(notice, 0) }))
			}
			p = append(p, one("online", func(c *cpu) bool {
				v := mStep * c.t.reg[0]
				c.t.reg[0] = 0
				if o.noFence {
					return c.store(word, v)
				}
				return c.xchg(word, v)
			}))
		}
		p = append(p, one("enter", count(1)))
		p = append(p, find)
		if o.nested {
			p = append(p, one("enter", count(1)))
			p = unlock(p, 1, o.ackInside)
		}
		p = append(p, use)
		p = unlock(p, 0, true)
		if o.offline && left > 0 {
			p = append(p,
				one("offline", func(c *cpu) bool { return c.xchg(word, 0) }),
				one("notice of it", func(c *cpu) bool { return c.xchg(notice, mOffline) }))
		}
		return p
	})
}

// online starts with both readers having acknowledged the first epoch.
func onlineStart(mem *[maxWords]uint8) { mem[mEpoch], mem[mWord], mem[mWord+1] = 1, mStep, mStep }

// offlineStart is the same with reader 0 offline.
func offlineStart(mem *[maxWords]uint8) { mem[mEpoch], mem[mWord], mem[mWord+1] = 1, 0, mStep }

func TestModelMemb(t *testing.T) {
	build := func(name string, start func(*[maxWords]uint8), r membOptions, u leaderOptions) model {
		u.memb = true
		other := r
		other.offline, other.nested = false, false
		return model{name: name, start: start, programs: []program{
			modelUpdater(2, 2, u), modelMembReader(0, 2, r), modelMembReader(1, 2, other),
		}}
	}
	build("two readers, two sections, two grace periods", onlineStart, membOptions{}, leaderOptions{}).holds(t)
	build("one reader is offline before each section", offlineStart, membOptions{offline: true}, leaderOptions{}).holds(t)
	build("one reader has a section inside", onlineStart, membOptions{nested: true}, leaderOptions{}).holds(t)

	build("no wait for one reader", onlineStart, membOptions{}, leaderOptions{skipReaders: 1}).breaks(t, heldFreed)
	build("no membarrier", onlineStart, membOptions{}, leaderOptions{noBarrier: true}).breaks(t, heldFreed)
	build("no membarrier when the word counts no section", onlineStart, membOptions{}, leaderOptions{trustIdle: true}).breaks(t, heldFreed)
	build("no membarrier for a reader that was quiet at the last one", onlineStart, membOptions{}, leaderOptions{trustQuiet: true}).breaks(t, heldFreed)
	build("ack of the epoch before", onlineStart, membOptions{}, leaderOptions{ackEarly: 1}).breaks(t, heldFreed)
	build("half a grace period", onlineStart, membOptions{}, leaderOptions{half: true}).breaks(t, heldFreed)
	build("online without a fence", offlineStart, membOptions{offline: true, noFence: true}, leaderOptions{}).breaks(t, heldFreed)
	build("acknowledges inside the outermost section", onlineStart, membOptions{nested: true, ackInside: true}, leaderOptions{}).breaks(t, heldFreed)
	build("asked before the unpublishing", onlineStart, membOptions{}, leaderOptions{askFirst: true}).breaks(t, heldFreed)
	build("loads of the next section before the notice is taken", onlineStart, membOptions{loadEarly: true}, leaderOptions{}).breaks(t, heldFreed)
}

// What is asked once is answered: a leader that goes by acknowledgements alone waits
// for nobody but a reader that has not left a section since it was asked, and
// there is still the notice to show for it. The grace period before may end by
// a membarrier, and leave its notice behind.
func TestModelNotice(t *testing.T) {
	build := func(name string, start func(*[maxWords]uint8), r membOptions, u leaderOptions) model {
		u.memb, u.acksOnly = true, true
		return model{
			name: name, start: start,
			programs: []program{modelUpdater(1, 2, u), modelMembReader(0, 3, r)},
			idle:     func(m *machine) bool { return m.mem[mNotice] != 0 },
		}
	}
	const lost = "everybody waits"
	build("one reader, three sections, two grace periods", onlineStart, membOptions{}, leaderOptions{}).holds(t)
	build("offline before each section", offlineStart, membOptions{offline: true}, leaderOptions{}).holds(t)
	build("a section inside", onlineStart, membOptions{nested: true}, leaderOptions{}).holds(t)
	build("notice taken by a plain store", onlineStart, membOptions{plainTake: true}, leaderOptions{}).breaks(t, lost)
	build("online takes the notice after it has loaded the epoch", offlineStart, membOptions{offline: true, onlineTakes: true}, leaderOptions{}).breaks(t, lost)
}
