//go:build !race && !invariants

// The draining protocol that per-CPU state is built on elsewhere: an owner who
// pays plain stores, and a drainer who pays the membarrier.
//
//	owner: busy=1; look at stolen; work; busy=0      (plain stores, plain load)
//	drainer: stolen=1; HeavyFence; wait for busy==0; work; stolen=0

package urcu

import "testing"

const (
	dBusy   = 0
	dStolen = 1
	dCount  = 2 // the owner's state: what it has put in and nobody has taken out
	dTaken  = 3
)

type drainOptions struct {
	atomics    bool // both sides fence for themselves, no membarrier
	noFence    bool // broken
	trustZero  bool // broken: no membarrier when busy reads 0
	lookFirst  bool // broken: the owner looks at stolen before it says busy
	readFirst  bool // broken: the owner reads what it works on before it looks at stolen
	noLastWait bool // broken: the drainer does not wait for busy
}

func modelOwner(ops int, o drainOptions) program {
	put := func(c *cpu, addr, v uint8) bool {
		if o.atomics {
			return c.xchg(addr, v)
		}
		return c.store(addr, v)
	}
	return repeat(ops, func(base int) program {
		busy := one("busy", func(c *cpu) bool { return put(c, dBusy, 1) })
		look := one("look at stolen", func(c *cpu) bool { c.t.reg[0] = c.load(dStolen); return true })
		read := one("work: load", func(c *cpu) bool { c.t.reg[1] = c.load(dCount); return true })
		before, work := program{busy, look}, program{read}
		switch {
		case o.lookFirst:
			before = program{look, busy}
		case o.readFirst:
			before, work = program{busy, read, look}, nil
		}
		p := append(before,
			one("stolen: not busy", func(c *cpu) bool {
				if c.t.reg[0] == 0 {
					return c.jump(base + len(before) + 2)
				}
				return put(c, dBusy, 0)
			}),
			one("wait for the drainer", func(c *cpu) bool { return c.load(dStolen) == 0 && c.jump(base) }),
		)
		return append(append(p, work...),
			one("work: store", func(c *cpu) bool { return c.store(dCount, c.t.reg[1]+1) }),
			one("not busy", func(c *cpu) bool { c.t.reg = [maxRegs]uint8{}; return put(c, dBusy, 0) }),
		)
	})
}

func modelDrainer(times, ops int, o drainOptions) program {
	p := repeat(times, func(base int) program {
		return program{
			one("stolen", func(c *cpu) bool { return c.xchg(dStolen, 1) }),
			one("heavy fence", func(c *cpu) bool {
				if o.atomics || o.noFence || o.trustZero && c.load(dBusy) == 0 {
					return true
				}
				return c.membarrier()
			}),
			one("wait for busy==0", func(c *cpu) bool { return o.noLastWait || c.load(dBusy) == 0 }),
			one("drain: load", func(c *cpu) bool { c.t.reg[0] = c.load(dCount); return true }),
			one("drain: store", func(c *cpu) bool {
				if !c.store(dCount, 0) {
					return false
				}
				c.m.mem[dTaken] += c.t.reg[0]
				return true
			}),
			one("give back", func(c *cpu) bool { return c.store(dStolen, 0) }),
		}
	})
	return append(p, one("count", func(c *cpu) bool {
		owner := &c.m.thread[0]
		if int(owner.pc) < ops*len(modelOwner(1, o)) || owner.held != 0 || !c.fence() {
			return false
		}
		if c.m.mem[dTaken]+c.m.mem[dCount] != uint8(ops) {
			c.fail("the owner's work is lost or counted twice")
		}
		return true
	}))
}

func TestModelDrain(t *testing.T) {
	build := func(name string, o drainOptions) model {
		return model{name: name, programs: []program{modelOwner(3, o), modelDrainer(2, 3, o)}}
	}
	const lost = "the owner's work is lost or counted twice"
	build("three operations, drained twice", drainOptions{}).holds(t)
	build("with atomics", drainOptions{atomics: true}).holds(t)
	build("no heavy fence", drainOptions{noFence: true}).breaks(t, lost)
	build("no heavy fence when busy reads 0", drainOptions{trustZero: true}).breaks(t, lost)
	build("owner looks at stolen first", drainOptions{lookFirst: true}).breaks(t, lost)
	build("owner reads before it looks at stolen", drainOptions{readFirst: true}).breaks(t, lost)
	build("drainer does not wait for the owner", drainOptions{noLastWait: true}).breaks(t, lost)
}
