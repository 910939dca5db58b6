package tiny

import "testing"

func TestMax(t *testing.T) {
	if got := Max(1, 2); got != 2 {
		t.Errorf("Max(1, 2) = %d", got)
	}
}

func TestMin(t *testing.T) { Min(1, 2) }
