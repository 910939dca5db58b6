package kmem

import "testing"

// A model of how the reaper starts and ends (reap.go): a mark, a state, two who
// stir one after the other, and the reapers that they start, each as steps that
// are atomic. The search visits every order of steps.
type reapModel struct {
	mark    bool
	work    bool     // state is reaperAtWork
	stirs   [2]uint8 // step of who stirs: mark, load, exchange, done
	reapers [4]uint8 // step of a reaper
}

// Steps of a reaper; 0 is none.
const (
	modelPass  = 1 + iota // look at the mark and take it
	modelLeave            // state = absent
	modelLook             // look at the mark again
	modelStay             // state = at work, if it is absent still
	modelEnded
)

// next returns the states that one step of somebody leads to. Without looking
// again, or with the look before the state changes, the protocol is broken.
func (m reapModel) next(look, late bool) (to []reapModel) {
	for i, pc := range m.stirs {
		n := m
		n.stirs[i]++
		switch pc {
		case 0:
			if n.mark { // the first to set it does the rest
				n.stirs[i] = 3
			}
			n.mark = true
		case 1:
			if n.work {
				n.stirs[i] = 3
			}
		case 2:
			if !n.work {
				n.work = true
				n.start()
			}
		default:
			continue
		}
		to = append(to, n)
	}
	for i, pc := range m.reapers {
		n := m
		switch pc {
		case modelPass:
			if n.reapers[i] = modelPass; !n.mark {
				n.reapers[i] = modelLeave
				if !late {
					n.reapers[i] = modelLook
				}
			}
			n.mark = false
		case modelLeave:
			n.work = false
			n.reapers[i] = modelLook
			if !look || !late {
				n.reapers[i] = modelEnded
			}
		case modelLook:
			switch {
			case n.mark && late:
				n.reapers[i] = modelStay
			case n.mark:
				n.reapers[i] = modelPass
			case late:
				n.reapers[i] = modelEnded
			default:
				n.reapers[i] = modelLeave
			}
		case modelStay:
			n.reapers[i] = modelEnded
			if !n.work {
				n.work = true
				n.reapers[i] = modelPass
			}
		default:
			continue
		}
		to = append(to, n)
	}
	return to
}

func (m *reapModel) start() {
	for i, pc := range m.reapers {
		if pc == 0 || pc == modelEnded {
			m.reapers[i] = modelPass
			return
		}
	}
	panic("more reapers at once than the model has room for")
}

// lost counts the ends in which a mark is set and nobody looks, and those in which
// two reapers passed at once.
func (m reapModel) lost(look, late bool) (states, lost, twice int) {
	seen := map[reapModel]bool{}
	todo := []reapModel{m}
	for len(todo) > 0 {
		m := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[m] {
			continue
		}
		seen[m] = true
		passing := 0
		for _, pc := range m.reapers {
			if pc == modelPass {
				passing++
			}
		}
		if passing > 1 {
			twice++
		}
		to := m.next(look, late)
		if len(to) == 0 && m.mark {
			lost++
		}
		todo = append(todo, to...)
	}
	return len(seen), lost, twice
}

// TestReapModel. Oracle: in the end no mark is set, and no two reapers ever work at
// once. Two protocols that are nearly right must be seen to fail.
func TestReapModel(t *testing.T) {
	states, lost, twice := reapModel{}.lost(true, true)
	t.Logf("%d states: %d ends with a mark that nobody looks at, %d states with two reapers at work", states, lost, twice)
	if lost != 0 || twice != 0 || states < 50 {
		t.Error("the protocol is wrong")
	}
	if _, lost, _ := (reapModel{}).lost(false, true); lost == 0 {
		t.Error("a reaper that does not look again loses nothing: the model has no teeth")
	}
	if _, lost, _ := (reapModel{}).lost(true, false); lost == 0 {
		t.Error("a reaper that looks before it says that it leaves loses nothing: the model has no teeth")
	}
}
