// Oblique torture: the client that the flag was made for, with its own oracles.
//
// See doc.go for an overview.

package bench

import (
	"github.com/slabrcu/slabrcu/rmap"
)

// obliqueClasses file what the oracles of rmap find.
var obliqueClasses = map[rmap.Oracle]Class{
	rmap.OracleGenuine:  ClassType,
	rmap.OracleInUse:    ClassState,
	rmap.OracleMember:   ClassState,
	rmap.OracleForeign:  ClassForeign,
	rmap.OracleContents: ClassState,
	rmap.OracleAccounts: ClassLost,
	rmap.OraclePanic:    ClassPanic,
}

// tortureOblique runs rmap's torture. Its counts are its evidence.
func tortureOblique(t *trial) error {
	h, err := t.newHeap("oblique")
	if err != nil {
		return err
	}
	o := rmap.TortureOptions{Heap: h, Flags: t.Flags, Seed: uint64(t.began.UnixNano())}
	if raceEnabled {
		o.Burst = 100
	}
	o.Found = func(oracle rmap.Oracle, what string) {
		t.found(obliqueClasses[oracle], "oracle %s: %s", oracle, what)
	}
	tt, err := rmap.NewTorture(o)
	if err != nil {
		return err
	}
	for i, c := range tt.Counts() {
		t.countFunc(c.Name, func() uint64 { return tt.Counts()[i].N })
	}
	tt.Run(t.running)
	if t.failed() {
		return nil // the heap is damaged: what closing it would say is noise
	}
	if err := h.Close(); err != nil {
		t.found(ClassLost, "%v", err)
	}
	return nil
}
