// Loop: counting, nothing else. What two CPUs make of it is what the machine
// allows; the scaling of other scenarios is read against it.
//
// See doc.go for an overview.

package bench

var loop = &Scenario{
	Name: "Loop",
	Desc: "Count to n: how the bare machine scales from one CPU to several.",
	Unit: "addition",
	Variants: []Variant{
		{Axes: []Axis{apis("cpu")}, Run: func(r *Run) error {
			return r.Measure(func(round *Round) { round.CPUs(r.CPUs, countUp) })
		}},
	},
}

// countUp adds in a register, one addition after the other.
func countUp(w *Worker) {
	w.SetChunk(1 << 18)
	var x random = 1
	w.Begin()
	for w.Next() {
		for range w.Chunk {
			x += x>>63 | 1 // depends on the last sum, so that no loop is folded into one product
		}
	}
	w.End()
	w.keep(uint64(x))
}
