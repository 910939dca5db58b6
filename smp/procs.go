// Ps for CPUs: how GOMAXPROCS is raised and restored. See doc.go.

package smp

import (
	"os"
	"runtime"
)

// procs remembers what GOMAXPROCS was. Its owner's lock guards it.
type procs struct {
	before int // GOMAXPROCS ahead of the first raise; 0: not raised
	set    int // what the last raise made it
}

// raise makes GOMAXPROCS at least want, never less than it is.
func (p *procs) raise(want int) {
	now := runtime.GOMAXPROCS(0)
	if want <= now {
		return
	}
	if p.before == 0 || now != p.set {
		p.before = now
	}
	runtime.GOMAXPROCS(want)
	p.set = want
}

// restore undoes all raises, unless somebody else has changed the value since.
//
// Setting a value ends the runtime's own following of the cpu quota. Where the
// old value is what the runtime would choose, it is told to choose again.
func (p *procs) restore() {
	if p.before != 0 && runtime.GOMAXPROCS(0) == p.set {
		if os.Getenv("GOMAXPROCS") == "" {
			runtime.SetDefaultGOMAXPROCS()
		}
		if runtime.GOMAXPROCS(0) != p.before {
			runtime.GOMAXPROCS(p.before)
		}
	}
	*p = procs{}
}
