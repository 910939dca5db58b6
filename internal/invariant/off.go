//go:build !invariants

package invariant

// Enabled is true in builds with -tags=invariants.
const Enabled = false
