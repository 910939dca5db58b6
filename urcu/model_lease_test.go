//go:build !race && !invariants

// The leases of kmem: a slot that one goroutine uses by plain stores until it is
// recalled, and then another one does.
//
//	tenant:  the lease is mine; busy=1; look at recalled; work, or away=1; busy=0; [work; away=0]
//	drainer: recalled=1; HeavyFence; wait for busy==0; wait for away==0; let to another
//
// That two tenants of one lease are never here at once is what stacks see to, and
// not in the model.

package urcu

import "testing"

const (
	lLease = 0 // 1 and 2: who has it; 3 nobody
	lCount = 1 // the slot's state
	lWorks = 2 // what it must be in the end
	lWords = 3 // of each lease: busy, away, recalled
)

const (
	lBusy = iota
	lAway
	lRecalled
	lLeaseWords
)

type leaseOptions struct {
	noFence    bool // broken
	noBusy     bool // broken: the drainer does not wait for busy
	noAway     bool // broken: the drainer does not wait for away
	awayFirst  bool // broken: the drainer waits for away and then for busy
	lateAway   bool // broken: the tenant is not busy any more when it says that it is away
	sameWords  bool // broken: the second tenant gets the words of the first
	lookBefore bool // broken: the tenant looks at recalled before it is busy
}

// word is that of tenant number who.
func (o leaseOptions) word(who, word uint8) uint8 {
	if o.sameWords {
		who = 1
	}
	return lWords + (who-1)*lLeaseWords + word
}

// modelTenant works twice, the second time away.
func modelTenant(who uint8, o leaseOptions) program {
	busy, away, recalled := o.word(who, lBusy), o.word(who, lAway), o.word(who, lRecalled)
	work := program{
		one("work: load", func(c *cpu) bool { c.t.reg[1] = c.load(lCount); return true }),
		one("work: store", func(c *cpu) bool {
			if !c.store(lCount, c.t.reg[1]+1) {
				return false
			}
			c.m.mem[lWorks]++
			return true
		}),
	}
	set := func(name string, addr, v uint8) []instr {
		return one(name, func(c *cpu) bool { return c.store(addr, v) })
	}
	var p program
	for _, leaves := range []bool{false, true} {
		body := work
		switch {
		case leaves && o.lateAway:
			body = append(append(program{set("not busy", busy, 0), set("away", away, 1)}, work...), set("not away", away, 0))
		case leaves:
			body = append(append(program{set("away", away, 1), set("not busy", busy, 0)}, work...), set("not away", away, 0))
		default:
			body = append(append(program{}, work...), set("not busy", busy, 0))
		}
		base := len(p)
		next := base + 4 + len(body) + 1
		look := one("look at recalled", func(c *cpu) bool { c.t.reg[0] = c.load(recalled); return true })
		enter := program{set("busy", busy, 1), look}
		if o.lookBefore {
			enter = program{look, set("busy", busy, 1)}
		}
		p = append(p, one("the lease is mine", func(c *cpu) bool {
			switch l := c.load(lLease); {
			case l < who:
				return false // it comes
			case l > who:
				return c.jump(next)
			}
			return true
		}))
		p = append(p, enter...)
		p = append(p, one("recalled", func(c *cpu) bool {
			return c.t.reg[0] == 0 || c.jump(next-1)
		}))
		p = append(p, body...)
		last := len(p)
		p[last-1] = append([]instr(nil), p[last-1]...)
		done := p[last-1][0].do
		p[last-1][0].do = func(c *cpu) bool { return done(c) && c.jump(next) }
		p = append(p, set("recalled: not busy", busy, 0))
	}
	return append(p, one("end", func(c *cpu) bool { c.t.reg = [maxRegs]uint8{}; return c.fence() }))
}

func modelRecaller(o leaseOptions) program {
	var p program
	for who := uint8(1); who <= 2; who++ {
		busy, away := o.word(who, lBusy), o.word(who, lAway)
		gone := func(name string, addr uint8, skip bool) []instr {
			return one(name, func(c *cpu) bool { return skip || c.load(addr) == 0 })
		}
		waits := program{gone("wait for busy==0", busy, o.noBusy), gone("wait for away==0", away, o.noAway)}
		if o.awayFirst {
			waits[0], waits[1] = waits[1], waits[0]
		}
		p = append(p,
			one("recalled", func(c *cpu) bool { return c.xchg(o.word(who, lRecalled), 1) }),
			one("heavy fence", func(c *cpu) bool { return o.noFence || c.membarrier() }))
		p = append(p, waits...)
		if o.sameWords {
			p = append(p, one("as new", func(c *cpu) bool { return c.xchg(o.word(who, lRecalled), 0) }))
		}
		p = append(p, one("let to the next", func(c *cpu) bool { return c.xchg(lLease, who+1) }))
	}
	return append(p, one("count", func(c *cpu) bool {
		for i := range 2 {
			if t := &c.m.thread[i]; int(t.pc) < len(modelTenant(1, o)) || t.held != 0 {
				return false
			}
		}
		if c.m.mem[lCount] != c.m.mem[lWorks] {
			c.fail("two were at the slot at once")
		}
		return true
	}))
}

func TestModelLease(t *testing.T) {
	build := func(name string, o leaseOptions) model {
		return model{
			name:     name,
			start:    func(mem *[maxWords]uint8) { mem[lLease] = 1 },
			programs: []program{modelTenant(1, o), modelTenant(2, o), modelRecaller(o)},
		}
	}
	const both = "two were at the slot at once"
	build("two tenants, two recalls", leaseOptions{}).holds(t)
	build("no heavy fence", leaseOptions{noFence: true}).breaks(t, both)
	build("drainer does not wait for busy", leaseOptions{noBusy: true}).breaks(t, both)
	build("drainer does not wait for away", leaseOptions{noAway: true}).breaks(t, both)
	build("drainer waits for away first", leaseOptions{awayFirst: true}).breaks(t, both)
	build("tenant is away after it was busy", leaseOptions{lateAway: true}).breaks(t, both)
	build("one lease for two tenants", leaseOptions{sameWords: true}).breaks(t, both)
	build("tenant looks at recalled first", leaseOptions{lookBefore: true}).breaks(t, both)
}
