package bench

import "testing"

// Whoever waits for another worker is told when the round was given up: no worker
// that died leaves others behind.
func TestWaitsEnd(t *testing.T) {
	w := &Worker{round: &Round{}}
	w.round.halt.Store(true)
	var full, empty ring
	full.tail.Store(ringSlots)
	if full.room(w) != nil || empty.next(w) != nil {
		t.Error("a ring gave a slot that it has not")
	}
	x := &exchange{producers: 1}
	if b := x.pop(w, &x.full); b != nil {
		t.Errorf("an empty exchange gave %v", b)
	}
}
