//go:build !race && !invariants

// Models of words that any goroutine may claim, with a leader that forgets the
// line between grace periods.

package urcu

import "testing"

const (
	aEpoch     = 0
	aPtr       = 1
	aUsed      = 2
	aWord      = 3 // two words of one line
	aFreed     = 5 // three blocks
	aUntouched = 0xff
)

type anyOptions struct {
	bitFirst bool // broken: sets the bit before it claims the word
	noBit    bool // broken
	noCAS    bool // broken: tidy clears the bit of a line that looks empty, and leaves the words
	plain    bool // broken: claims without a fence
}

// modelAny is Enter, with both of its paths in one, and Exit.
func modelAny(sections int, o anyOptions) program {
	return repeat(sections, func(base int) program {
		const first, second, bit, load = 1, 4, 7, 8
		claim := func(w uint8, taken int) program {
			return program{
				one("look at a word", func(c *cpu) bool {
					c.t.reg[2] = c.load(w)
					if v := c.t.reg[2]; v != 0 && v != aUntouched {
						return c.jump(base + taken)
					}
					return true
				}),
				one("bit, too early", func(c *cpu) bool {
					if o.bitFirst && c.t.reg[2] == aUntouched {
						return c.xchg(aUsed, 1)
					}
					return true
				}),
				one("claim it", func(c *cpu) bool {
					if !o.plain && !c.fence() {
						return false
					}
					if c.load(w) != c.t.reg[2] {
						return c.jump(base + taken)
					}
					c.t.reg[3] = w
					if !o.plain {
						c.m.mem[w] = c.t.reg[0]
					} else if !c.store(w, c.t.reg[0]) {
						return false
					}
					return c.jump(base + bit)
				}),
			}
		}
		p := program{one("load the epoch", func(c *cpu) bool { c.t.reg[0] = c.load(aEpoch); return true })}
		p = append(p, claim(aWord, second)...)
		p = append(p, claim(aWord+1, first)...)
		return append(p,
			one("bit", func(c *cpu) bool {
				if c.t.reg[2] == aUntouched && !o.noBit && !o.bitFirst {
					return c.xchg(aUsed, 1)
				}
				return true
			}),
			one("load the pointer", func(c *cpu) bool { c.t.reg[1] = c.load(aPtr); return true }),
			one("use the block", func(c *cpu) bool {
				if c.load(aFreed+c.t.reg[1]) != 0 {
					c.fail(heldFreed)
				}
				return true
			}),
			one("leave", func(c *cpu) bool {
				w := c.t.reg[3]
				c.t.reg = [maxRegs]uint8{}
				return c.store(w, 0)
			}),
		)
	})
}

// modelTidyLeader unpublishes, waits, frees, forgets the line, and again.
func modelTidyLeader(periods int, o anyOptions) program {
	g := uint8(0)
	return repeat(periods, func(base int) program {
		g++
		now := g
		const free = 5
		pass := func(w uint8) []instr {
			return one("pass a word", func(c *cpu) bool {
				v := c.load(w)
				return v == 0 || v == aUntouched || v >= c.t.reg[0]
			})
		}
		p := program{
			one("unpublish", func(c *cpu) bool { return c.store(aPtr, now) }),
			one("announce", func(c *cpu) bool {
				if !c.xchg(aEpoch, c.m.mem[aEpoch]+1) {
					return false
				}
				c.t.reg[0] = c.m.mem[aEpoch]
				return true
			}),
			one("look at the bit", func(c *cpu) bool {
				if c.load(aUsed) == 0 {
					return c.jump(base + free)
				}
				return true
			}),
			pass(aWord), pass(aWord + 1),
			one("free", func(c *cpu) bool { c.m.mem[aFreed+now-1] = 1; return true }),
		}
		if now == uint8(periods) {
			return p
		}
		end := base + len(p) + 3
		forget := func(w uint8) []instr {
			return one("word to untouched", func(c *cpu) bool {
				switch v := c.m.mem[w]; {
				case !c.fence():
					return false
				case o.noCAS:
				case v == 0:
					c.m.mem[w] = aUntouched
				case v != aUntouched:
					c.m.mem[aUsed] = 1
					return c.jump(end)
				}
				return true
			})
		}
		return append(p,
			one("forget the line", func(c *cpu) bool {
				for w := range uint8(2) {
					if v := c.load(aWord + w); v != 0 && v != aUntouched {
						return c.jump(end)
					}
				}
				return c.xchg(aUsed, 0)
			}),
			forget(aWord), forget(aWord+1))
	})
}

func TestModelAnyGoroutine(t *testing.T) {
	build := func(name string, o anyOptions) model {
		return model{
			name: name,
			start: func(mem *[maxWords]uint8) {
				mem[aEpoch], mem[aWord], mem[aWord+1] = 1, aUntouched, aUntouched
			},
			programs: []program{modelTidyLeader(3, o), modelAny(2, o), modelAny(2, o)},
		}
	}
	build("two goroutines, two sections each, a line forgotten twice", anyOptions{}).holds(t)
	build("word claimed without a fence", anyOptions{plain: true}).breaks(t, heldFreed)
	build("bit never set", anyOptions{noBit: true}).breaks(t, heldFreed)
	build("bit set before the word is claimed", anyOptions{bitFirst: true}).breaks(t, heldFreed)
	build("line forgotten without taking its words back", anyOptions{noCAS: true}).breaks(t, heldFreed)
}
